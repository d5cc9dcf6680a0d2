"""The notice to the customer: rendered from a template that may not ask for a password and may not carry a link."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A finished text for the customer of one incident."""

    incident_id: str
    account: str
    subject: str
    body: str
