"""Operators and sensors: they wait for messages, run the data checks, and ask a person."""
