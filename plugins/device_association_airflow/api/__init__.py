"""The portal's API at /M2M: who is asking, what a request may hold, and how it is answered or refused."""
