"""Progress: an append-only log in SQLite and what is derived from it."""
