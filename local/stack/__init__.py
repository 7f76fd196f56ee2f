"""A whole local stack: its parts, and what starts, watches and stops them as processes on 127.0.0.1."""
