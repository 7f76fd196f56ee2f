"""Service lines at Rev.io: planning, creating, finding and disconnecting them, and the record of each call."""
