"""Which login handed a message to the submission server, as its policy protocol tells it."""

from msgspec import Struct


class PolicyRequest(Struct, frozen=True, gc=False):
    """What Postfix told the policy service about a message (SMTPD_POLICY_README), as far as we use it.

    `host` is the address of the Postfix server that asked; with `queue_id` (after-queue) or with `client_address` and
    `client_port` (before-queue) it names the message when it arrives by SMTP.
    """

    host: str
    queue_id: str
    client_address: str
    client_port: str
    sasl_username: str
    sender: str

    @property
    def account(self) -> str:
        """The name that the account has for us."""
        return self.sasl_username.strip(" \t").lower()
