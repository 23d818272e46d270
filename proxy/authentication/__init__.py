"""Who the client is: SASL servers, the users' verifiers, and certificate names.

A *conversation* is one SASL exchange: the session hands it the client's tokens and gets an `Outcome` for each.
Nothing here does I/O on a connection, reads a clock or draws randomness: nonces, salts and secrets come in.
"""
