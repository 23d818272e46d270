"""One client connection with its broker connection, without I/O: inputs are methods, results are commands."""
