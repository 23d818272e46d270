"""The doorkeeper as a client: TLS and SASL towards the brokers, or towards another doorkeeper."""
