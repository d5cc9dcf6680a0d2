"""mailcow, by its API (https://mailcow.docs.apiary.io/, and /api of each installation): passwords and app passwords.

The API key must be able to write, and mailcow must let our address in.
"""

from detector.config.panels import MailcowPanel
from detector.ports import Refused, Secret, Temporary
from detector.response.api import Answer, Api, Json, no_such_account, segment


class Mailcow:
    """A password provider, and what revokes app passwords."""

    def __init__(self, settings: MailcowPanel, secret: Secret) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._api = Api(settings, "API key", secret, {"X-API-Key": secret.text})

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - setting it twice is harmless
        self._mailbox(account)
        body: Json = {"items": [account], "attr": {"password": password.text, "password2": password.text}}
        self._carried_out(self._api.ask("POST", "/api/v1/edit/mailbox", body), password)
        return "set in mailcow"

    def revoke_app_passwords(self, account: str, request_id: str) -> str:  # noqa: ARG002 - nothing is left the second time
        self._mailbox(account)
        ids = self._app_passwords(account)
        if not ids:
            return "there were no app passwords"
        self._carried_out(self._api.ask("POST", "/api/v1/delete/app-passwd", ids))
        # Some versions answer "success" for what they did not delete.
        left = set(self._app_passwords(account)) & set(ids)
        if left:
            msg = f"{len(left)} of {len(ids)} app passwords are still there"
            raise Temporary(msg)
        return f"app passwords revoked in mailcow: {len(ids)}"

    def check(self) -> str:
        """Ask for the version. That the key may also write shows only when it must."""
        answer = self._api.check("/api/v1/get/status/version", "version")
        return f"mailcow {self._api.url}: version {self._api.complaint(answer.field('version'))}"

    def _mailbox(self, account: str) -> None:
        """Raises `Refused` when there is no such mailbox, or one whose password is kept elsewhere.

        Of a mailbox that it does not have mailcow answers an empty object; to change it is "access_denied", as if the
        key were wrong.
        """
        answer = self._api.ask("GET", f"/api/v1/get/mailbox/{segment(account)}")
        if answer.document in ({}, [], False) or answer.status == 404:
            raise no_such_account()
        if not answer.has("username"):
            raise self._failure(answer)
        source = answer.field("authsource")  # since 2025: "mailcow", "keycloak", "generic-oidc" or "ldap"
        if source not in (None, "mailcow"):
            msg = f"mailcow looks this password up elsewhere ({self._api.complaint(source)}): it must be changed there"
            raise Refused(msg)

    def _app_passwords(self, account: str) -> list[str]:
        answer = self._api.ask("GET", f"/api/v1/get/app-passwd/all/{segment(account)}")
        if answer.document == {}:  # PHP's way to say that a list is empty
            return []
        if not isinstance(answer.document, list):
            raise self._failure(answer)
        return [str(entry["id"]) for entry in self._api.listed(answer.document)]

    def _carried_out(self, answer: Answer, *hidden: Secret) -> None:
        """What mailcow refused is answered by 200 as well: only the types of its messages tell."""
        messages = answer.document
        if isinstance(messages, list) and messages and all(_type(message) == "success" for message in messages):
            return
        raise self._failure(answer, *hidden)

    def _failure(self, answer: Answer, *hidden: Secret) -> Refused:
        messages = answer.document if isinstance(answer.document, list) else [answer.document]
        bad = next((m for m in messages if isinstance(m, dict) and _type(m) in ("danger", "error")), None)
        if bad is None:
            return self._api.strange()
        # The text is a word such as "password_complexity", alone or with what it is about.
        text = bad.get("msg")
        return self._api.refused(answer, text[0] if isinstance(text, list) and text else text, *hidden)


def _type(message: object) -> object:
    return message.get("type") if isinstance(message, dict) else None
