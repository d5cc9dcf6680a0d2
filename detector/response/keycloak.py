"""Keycloak, by its Admin REST API (version 26): passwords and sessions of one realm.

https://www.keycloak.org/docs-api/latest/rest-api/. The client needs a service account with the role `manage-users` of
`realm-management`.
"""

from detector.config import ConfigError
from detector.config.panels import KeycloakPanel
from detector.ports import Refused, Secret, Temporary
from detector.response.api import Answer, Api, Form, Json, no_such_account, segment


class Keycloak:
    """A password provider, and what ends sessions.

    A log-out ends the sessions and the refresh tokens; an access token that was already handed out stays good until it
    expires (the realm's setting, five minutes unless changed), wherever it is not asked back.
    """

    def __init__(self, settings: KeycloakPanel, secret: Secret) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._api = Api(settings, "client's secret or its service account", secret, {})
        self._client = {"client_id": settings.client_id, "client_secret": secret.text}
        self._secret = secret
        self._realm = segment(settings.realm)

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - setting it twice is harmless
        token = self._token()
        # Not a temporary one: with that, programs that log in by the password grant are refused until somebody has
        # changed it in a browser, and the customer could not read mail with the password that an operator issues.
        body: Json = {"type": "password", "value": password.text, "temporary": False}
        answer = self._ask("PUT", f"/users/{self._user_id(account, token)}/reset-password", token, body)
        self._done(answer, password)
        return "set in Keycloak"

    def end_sessions(self, account: str, request_id: str) -> str:  # noqa: ARG002 - as above
        token = self._token()
        self._done(self._ask("POST", f"/users/{self._user_id(account, token)}/logout", token))
        return "sessions ended in Keycloak"

    def check(self) -> str:
        """Count the users of the realm, which needs a right to see them. Raises `ConfigError`."""
        try:
            answer = self._ask("GET", "/users/count", self._token())
            if not isinstance(answer.document, int):
                raise self._api.strange() if answer.status < 300 else self._api.refused(answer)
        except (Temporary, Refused) as error:
            raise ConfigError(str(error)) from error
        return f"Keycloak {self._api.url}: realm {self._realm} has {answer.document} users"

    def _token(self) -> Secret:
        form = Form({"grant_type": "client_credentials", **self._client})
        answer = self._api.ask("POST", f"/realms/{self._realm}/protocol/openid-connect/token", form)
        token = answer.field("access_token")
        if answer.status == 200 and isinstance(token, str):
            return Secret(token)
        raise self._api.refused(answer, answer.field("error"))

    def _user_id(self, account: str, token: Secret) -> str:
        """The user who logs in by this name or this address, as Keycloak lets both do."""
        names = ("username", "email") if "@" in account else ("username",)
        found: set[str] = set()
        for name in names:
            answer = self._ask("GET", f"/users?exact=true&{name}={segment(account)}", token)
            if answer.status != 200:
                raise self._api.refused(answer, answer.field("error"))
            users = self._api.listed(answer.document)
            # Versions before 15 do not know `exact` and answer with all who have the text somewhere in their name.
            found |= {str(user["id"]) for user in users if str(user.get(name, "")).lower() == account.lower()}
        if len(found) > 1:
            msg = "one user has this name, and another one this address: which of them is meant?"
            raise Refused(msg)
        if not found:
            raise no_such_account()
        return segment(found.pop())

    def _ask(self, method: str, path: str, token: Secret, body: Json | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {token.text}"}
        return self._api.ask(method, f"/admin/realms/{self._realm}{path}", body, headers)

    def _done(self, answer: Answer, *hidden: Secret) -> None:
        if answer.status == 204:
            return
        if answer.status == 404:
            raise no_such_account()
        raise self._api.refused(answer, answer.field("error"), *hidden)
