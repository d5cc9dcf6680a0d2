"""Where account profiles live: memory with SQLite behind."""
