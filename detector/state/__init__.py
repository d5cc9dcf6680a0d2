"""Where account profiles live: memory with SQLite behind, or a Valkey that many processes share."""
