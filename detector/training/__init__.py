"""From corpora to model files. Run by hand; the server never imports it."""
