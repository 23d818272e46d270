"""`doorkeeper quickstart`: a real Kafka, the doorkeeper in front, and clients that show what it does.

`site` writes the files of a doorkeeper into a directory, `service` runs Kafka and the doorkeeper on them, `clients` try
what they may and what they may not, `screen` is what a person sees.
"""

from proxy.quickstart.main import main

__all__ = ["main"]
