"""Keycloak's Admin REST API, as far as we use it (https://www.keycloak.org/docs-api/latest/rest-api/)."""

import uuid
from pathlib import Path

from detector.config import SecretSource
from detector.config.panels import KeycloakPanel
from detector.ports import Secret
from detector.response.keycloak import Keycloak
from tests.support.fake_api import FakeApi, Reply, Request

SECRET = "the client's secret"
FIELDS_OF_A_CREDENTIAL = {"id", "priority", "userLabel", "createdDate", "secretData", "credentialData"}
NOT_FOUND = (404, {"error": "HTTP 404 Not Found"})


class FakeKeycloak(FakeApi):
    """One realm. The name of a user is the account, unless `emails` says otherwise. `sessions` names who is in."""

    def __init__(self, accounts: tuple[str, ...] = (), certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(accounts, certificate)
        self.ids = {account: str(uuid.uuid4()) for account in accounts}
        self.emails: dict[str, str] = {}
        self.sessions = set(accounts)
        self.may_manage = True
        self.knows_exact = True
        self._tokens: set[str] = set()

    def provider(self, secret: str = SECRET, ca_file: Path | None = None) -> Keycloak:
        settings = KeycloakPanel(
            provider="keycloak",
            url=self.url,
            realm="customers",
            client_id="detector",
            secret=SecretSource(environment="UNUSED"),
            ca_file=ca_file,
        )
        return Keycloak(settings, Secret(secret))

    def answer(self, request: Request) -> Reply:
        match request.method, request.parts:
            case "POST", ("realms", "customers", "protocol", "openid-connect", "token"):
                return self._token(request)
            case _, ("admin", "realms", "customers", *rest):
                scheme, _, token = request.headers.get("authorization", "").partition(" ")
                if scheme != "Bearer" or token not in self._tokens:
                    return 401, {"error": "HTTP 401 Unauthorized"}
                return self._admin(request, tuple(rest))
            case _:
                return self.mistake(f"{request.method} {request.target}", NOT_FOUND)

    def _token(self, request: Request) -> Reply:
        form = self.form(request, {"grant_type", "client_id", "client_secret"})
        if form["grant_type"] != "client_credentials":
            return self.mistake("grant_type", (400, {"error": "unsupported_grant_type"}))
        if (form["client_id"], form["client_secret"]) != ("detector", SECRET):
            return 401, {"error": "unauthorized_client", "error_description": "Invalid client or Invalid credentials"}
        token = uuid.uuid4().hex
        self._tokens.add(token)
        return 200, {"access_token": token, "expires_in": 60, "token_type": "Bearer", "scope": ""}

    def _admin(self, request: Request, parts: tuple[str, ...]) -> Reply:
        if not self.may_manage:
            return 403, {"error": "HTTP 403 Forbidden"}
        match request.method, parts:
            case "GET", ("users",):
                return self._search(request)
            case "GET", ("users", "count"):
                return 200, len(self.passwords)
            case "PUT", ("users", user_id, "reset-password"):
                return self._reset(request, user_id)
            case "POST", ("users", user_id, "logout"):
                account = self._account(user_id)
                self.sessions.discard(account)
                return (204, None) if account else (404, {"error": "User not found"})
            case _:
                return self.mistake(f"{request.method} {request.target}", NOT_FOUND)

    def _search(self, request: Request) -> Reply:
        query = request.query
        if query.pop("exact", "") != "true" or len(query) != 1 or not set(query) <= {"username", "email"}:
            self.mistakes.append(request.target)
        ((name, wanted),) = query.items()
        users = [
            {
                "id": self.ids[account],
                "username": account.lower(),
                "email": self.emails.get(account, ""),
                "enabled": True,
            }
            for account in self.passwords
        ]
        if self.knows_exact:
            return 200, [user for user in users if user[name] == wanted.lower()]
        return 200, [user for user in users if wanted.lower() in str(user[name])]

    def _reset(self, request: Request, user_id: str) -> Reply:
        credential = self.json(request, {"type", "value"}, {"temporary"} | FIELDS_OF_A_CREDENTIAL)
        account = self._account(user_id)
        if not account:
            return 404, {"error": "User not found"}
        if credential["type"] != "password" or not isinstance(credential.get("temporary", False), bool):
            return self.mistake("credential", (400, {"error": "HTTP 400 Bad Request"}))
        if len(credential["value"]) < 12:
            return 400, {
                "error": "invalidPasswordMinLengthMessage",
                "error_description": f"Invalid password {credential['value']}: minimum length 12.",
            }
        self.passwords[account] = credential["value"]
        return 204, None

    def _account(self, user_id: str) -> str:
        return next((account for account, known in self.ids.items() if known == user_id), "")
