"""WildDuck, by its API (https://docs.wildduck.email/api/): passwords, app passwords and sessions.

The access token needs a role that may read and update users and addresses, and delete app passwords (`asps`).
"""

from detector.config.panels import WildduckPanel
from detector.ports import Refused, Secret
from detector.response.api import Answer, Api, no_such_account, segment

REASON = "The password of this account was changed"  # shown by IMAP clients, at most 128 characters


class Wildduck:
    """A password provider, what revokes app passwords, and what ends sessions."""

    def __init__(self, settings: WildduckPanel, secret: Secret) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._api = Api(settings, "access token", secret, {"X-Access-Token": secret.text})

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - setting it twice is harmless
        user = self._user(account)
        self._done(self._api.ask("PUT", f"/users/{user}", {"password": password.text}), password)
        return "set in WildDuck"

    def revoke_app_passwords(self, account: str, request_id: str) -> str:  # noqa: ARG002 - nothing is left the second time
        user = self._user(account)
        # Without showAll those that expire by themselves are left out.
        answer = self._api.ask("GET", f"/users/{user}/asps?showAll=true")
        if answer.status != 200:
            raise self._failure(answer)
        results = self._api.listed(answer.field("results"))
        for entry in results:
            answer = self._api.ask("DELETE", f"/users/{user}/asps/{segment(str(entry['id']))}")
            if answer.status != 404:  # somebody was faster
                self._done(answer)
        return f"app passwords revoked in WildDuck: {len(results)}" if results else "there were no app passwords"

    def end_sessions(self, account: str, request_id: str) -> str:  # noqa: ARG002 - nobody is left the second time
        self._done(self._api.ask("PUT", f"/users/{self._user(account)}/logout", {"reason": REASON}))
        return "sessions ended in WildDuck"

    def check(self) -> str:
        """List one user, which needs the right to see users."""
        answer = self._api.check("/users?limit=1", "results", "total")
        return f"WildDuck {self._api.url}: {answer.field('total')} users"

    def _user(self, account: str) -> str:
        """The ID of the user who logs in so: by an address, or by the user's name."""
        if "@" in account:
            answer = self._api.ask("GET", f"/addresses/resolve/{segment(account)}")
            user = answer.field("user")
            if answer.status == 200 and isinstance(user, str):
                return segment(user)
        answer = self._api.ask("GET", f"/users/resolve/{segment(account)}")
        user = answer.field("id")
        if answer.status == 200 and isinstance(user, str):
            return segment(user)
        raise self._failure(answer)

    def _done(self, answer: Answer, *hidden: Secret) -> None:
        if answer.field("success") is not True:
            raise self._failure(answer, *hidden)

    def _failure(self, answer: Answer, *hidden: Secret) -> Refused:
        code = answer.field("code")
        # A name that no user can have is not looked up at all.
        if code in ("UserNotFound", "AddressNotFound") or (code == "InputValidationError" and not hidden):
            return no_such_account()
        return self._api.refused(answer, code, *hidden) if isinstance(code, str) else self._api.strange()
