"""Where deliveries come in: each is acknowledged by Kafka before its sender gets the answer."""
