"""Health, metrics and the status page, for operators on a port of their own."""
