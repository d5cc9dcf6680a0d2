"""What we remember of an account, in at most 4 KB."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything the judge knows about an account."""
