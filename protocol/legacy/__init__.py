"""The versions of messages that Kafka 4 no longer has, and kio therefore neither: brokers and clients of 0.8 to 3.9."""
