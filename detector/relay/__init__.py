"""SMTP in, SMTP out, and the policy service: what passes between client and next hop."""
