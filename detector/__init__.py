"""Outbound e-mail abuse detector: an SMTP relay hop that recognises hijacked accounts and stops them."""
