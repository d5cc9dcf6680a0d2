"""cPanel: passwords of mailboxes, by WHM API 1 (port 2087), which calls UAPI for the owner of the mailbox's domain.

https://api.docs.cpanel.net/openapi/whm/operation/getdomainowner/ and
https://api.docs.cpanel.net/openapi/cpanel/operation/passwd_pop/. Every call is a POST with its parameters in the body:
in the URL, as in the examples there, the password would be written into the web server's log.
"""

from collections.abc import Mapping

from detector.config.panels import CpanelPanel
from detector.ports import Refused, Secret
from detector.response.api import Answer, Api, Form, no_such_account


class Cpanel:
    """A password provider."""

    def __init__(self, settings: CpanelPanel, secret: Secret) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        authorization = f"whm {settings.user}:{secret.text}"
        self._api = Api(settings, "API token", secret, {"Authorization": authorization})

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - setting it twice is harmless
        name, _, domain = account.rpartition("@")
        if not name:
            msg = "a mailbox of cPanel has an address as its login"
            raise Refused(msg)
        parameters = {
            "cpanel.user": self._owner(domain),
            "cpanel.module": "Email",
            "cpanel.function": "passwd_pop",
            "email": name,
            "domain": domain,
            "password": password.text,
        }
        answer = self._call("uapi_cpanel", parameters, password)
        result = answer.field("data", "uapi")
        if not isinstance(result, dict):
            raise self._api.strange()
        result = result.get("result", result)  # some versions wrap it once more
        if result.get("status") != 1:
            raise self._unhappy(answer, result.get("errors"), password)
        return "set in cPanel"

    def check(self) -> str:
        """Ask for the version of cPanel."""
        answer = self._api.check("/json-api/version?api.version=1", "data")
        return f"cPanel {self._api.url}: version {self._api.complaint(answer.field('data', 'version'))}"

    def _owner(self, domain: str) -> str:
        """The cPanel account that has the domain."""
        owner = self._call("getdomainowner", {"domain": domain}).field("data", "user")
        if not isinstance(owner, str) or not owner:
            raise no_such_account()
        return owner

    def _call(self, function: str, parameters: Mapping[str, str], *hidden: Secret) -> Answer:
        answer = self._api.ask("POST", f"/json-api/{function}", Form({"api.version": "1", **parameters}))
        if not answer.has("metadata"):
            raise self._api.strange() if answer.status < 300 else self._api.refused(answer)
        if answer.field("metadata", "result") != 1:
            raise self._api.refused(answer, answer.field("metadata", "reason"), *hidden)
        return answer

    def _unhappy(self, answer: Answer, errors: object, password: Secret) -> Refused:
        text = errors[0] if isinstance(errors, list) and errors else errors
        if isinstance(text, str) and "do not have an email account" in text:
            return no_such_account()
        return self._api.refused(answer, text, password)
