"""Commands for operators. Modules here load the rest of the house late: `--help` must not wait for it."""
