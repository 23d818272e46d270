"""What an operator sees of a running doorkeeper: metrics, the audit trail and logs.

Session events come in at `observer.Observer`; each becomes a counter, a line of the audit trail, a line of the log, or
several of them.
"""
