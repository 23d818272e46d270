"""How much the doorkeeper costs beside a bare TLS relay, measured on the machine at hand."""
