"""What a message says: its text as the reader sees it, fingerprint, pivots, and how much it reads like spam. Pure."""
