"""The rules of Kafka's APIs, by domain."""
