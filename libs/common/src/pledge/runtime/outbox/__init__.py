"""Publication: rows written with the state, relayed to Kafka in order."""
