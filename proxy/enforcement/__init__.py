"""What each API must be allowed, in Kafka's terms, and what its answer becomes when a part of it is not."""
