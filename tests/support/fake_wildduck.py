"""WildDuck's API, as far as we use it (https://docs.wildduck.email/api/)."""

import hashlib
import re
from pathlib import Path

from detector.config import SecretSource
from detector.config.panels import WildduckPanel
from detector.ports import Secret
from detector.response.wildduck import Wildduck
from tests.support.fake_api import FakeApi, Reply, Request

TOKEN = "the access token"
ID = re.compile(r"[0-9a-f]{24}")
NO_USER = (404, {"error": "This user does not exist", "code": "UserNotFound"})


class FakeWildduck(FakeApi):
    """`app_passwords` are IDs with their account; `expiring` are those with a time to live. `sessions`: who is in."""

    def __init__(self, accounts: tuple[str, ...] = (), certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(accounts, certificate)
        self.ids = {account: hashlib.sha256(account.encode()).hexdigest()[:24] for account in accounts}
        self.addresses = set(accounts)
        self.app_passwords: dict[str, str] = {}
        self.expiring: set[str] = set()
        self.sessions = set(accounts)
        self.privileged = True

    def provider(self, secret: str = TOKEN, ca_file: Path | None = None) -> Wildduck:
        source = SecretSource(environment="UNUSED")
        settings = WildduckPanel(provider="wildduck", url=self.url, secret=source, ca_file=ca_file)
        return Wildduck(settings, Secret(secret))

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-access-token") != TOKEN:
            return 403, {"error": "Invalid accessToken value", "code": "InvalidToken"}
        if not self.privileged:
            return 403, {"error": "Not enough privileges", "code": "MissingPrivileges"}
        match request.method, request.parts:
            case "GET", ("users",):
                return 200, {"success": True, "total": len(self.ids), "results": [], "page": 1}
            case "GET", ("users", "resolve", name):
                return self._resolve(name)
            case "GET", ("addresses", "resolve", address):
                if address.lower() not in self.addresses:
                    return 404, {"error": "Invalid or unknown address", "code": "AddressNotFound"}
                found = self.ids[address.lower()]
                return 200, {"success": True, "id": "0" * 24, "address": address.lower(), "user": found}
            case _, ("users", user, *rest):
                return self._of_user(request, user, tuple(rest))
            case _:
                return self._unknown(request)

    def _resolve(self, name: str) -> Reply:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]*", name.lower()):
            error = f'"username" with value "{name}" fails to match the required pattern'
            return 400, {"error": error, "code": "InputValidationError", "details": {}}
        return (200, {"success": True, "id": self.ids[name.lower()]}) if name.lower() in self.ids else NO_USER

    def _of_user(self, request: Request, user: str, rest: tuple[str, ...]) -> Reply:
        if not ID.fullmatch(user):
            return self.mistake(request.target, (400, {"error": "user", "code": "InputValidationError"}))
        account = next((account for account, known in self.ids.items() if known == user), "")
        if not account:
            return NO_USER
        match request.method, rest:
            case "PUT", ():
                return self._password(request, account)
            case "PUT", ("logout",):
                self.json(request, set(), {"reason", "sess", "ip"})
                self.sessions.discard(account)
                return 200, {"success": True}
            case "GET", ("asps",):
                return self._list(request, account)
            case "DELETE", ("asps", one) if ID.fullmatch(one):
                if self.app_passwords.get(one) != account:
                    return 404, {"error": "Invalid or unknown ASP key", "code": "AspNotFound"}
                del self.app_passwords[one]
                return 200, {"success": True}
            case _:
                return self._unknown(request)

    def _password(self, request: Request, account: str) -> Reply:
        document = self.json(request, {"password"}, {"existingPassword", "hashedPassword", "allowUnsafe", "sess", "ip"})
        if len(document["password"]) > 256:
            error = f'"password" with value "{document["password"]}" is too long'
            return 400, {"error": error, "code": "InputValidationError", "details": {}}
        self.passwords[account] = document["password"]
        return 200, {"success": True}

    def _list(self, request: Request, account: str) -> Reply:
        if not set(request.query) <= {"showAll", "sess", "ip"}:
            self.mistakes.append(request.target)
        all_of_them = request.query.get("showAll") == "true"
        mine = [one for one, owner in self.app_passwords.items() if owner == account]
        shown = [one for one in mine if all_of_them or one not in self.expiring]
        return 200, {
            "success": True,
            "results": [{"id": one, "description": "phone", "scopes": ["imap"]} for one in shown],
        }

    def _unknown(self, request: Request) -> Reply:
        missing = (404, {"code": "ResourceNotFound", "message": f"{request.target} does not exist"})
        return self.mistake(f"{request.method} {request.target}", missing)
