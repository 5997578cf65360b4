"""Where deliveries come in: each is on Kafka before the outside hears that it was taken."""
