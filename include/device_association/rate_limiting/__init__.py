"""The limit of calls to Rev.io, which all workers share."""
