"""mailcow's API, as far as we use it: the page /api of each installation, made from data/web/api/openapi.yaml."""

import json
from pathlib import Path

from detector.config import SecretSource
from detector.config.panels import MailcowPanel
from detector.ports import Secret
from detector.response.mailcow import Mailcow
from tests.support.fake_api import FakeApi, Reply, Request

KEY = "the API key"


class FakeMailcow(FakeApi):
    """`app_passwords` are IDs with the mailbox that has them. `may_write` is False for a key that may only read."""

    def __init__(self, accounts: tuple[str, ...] = (), certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(accounts, certificate)
        self.app_passwords: dict[int, str] = {}
        self.authsource: str | None = "mailcow"
        self.may_write = True
        self.deletes_nothing = False

    def provider(self, secret: str = KEY, ca_file: Path | None = None) -> Mailcow:
        source = SecretSource(environment="UNUSED")
        settings = MailcowPanel(provider="mailcow", url=self.url + "/", secret=source, ca_file=ca_file)
        return Mailcow(settings, Secret(secret))

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-api-key") != KEY:
            return 401, {"type": "error", "msg": "authentication failed"}
        if request.method == "POST" and not self.may_write:
            return 403, {"type": "error", "msg": "API read/write access denied"}
        match request.method, request.parts:
            case "GET", ("api", "v1", "get", "status", "version"):
                return 200, {"version": "2025-09"}
            case "GET", ("api", "v1", "get", "mailbox", account):
                return 200, self._details(account)
            case "GET", ("api", "v1", "get", "app-passwd", "all", account):
                listed = [
                    {"id": i, "name": "phone", "mailbox": a} for i, a in self.app_passwords.items() if a == account
                ]
                return 200, listed or {}
            case "POST", ("api", "v1", "edit", "mailbox"):
                return 200, self._edit(request)
            case "POST", ("api", "v1", "delete", "app-passwd"):
                return 200, self._delete(request)
            case _:
                return self.mistake(
                    f"{request.method} {request.target}", (404, {"type": "error", "msg": "route not found"})
                )

    def _details(self, account: str) -> object:
        if account not in self.passwords:
            return {}
        details: dict[str, object] = {"username": account, "active": 1, "domain": account.partition("@")[2]}
        return details if self.authsource is None else {**details, "authsource": self.authsource}

    def _edit(self, request: Request) -> object:
        document = self.json(request, {"items", "attr"})
        messages = []
        for account in document["items"]:
            log = ["mailbox", "edit", "mailbox", document["attr"], None]  # the real one repeats what it was told, too
            if set(document["attr"]) != {"password", "password2"}:
                self.mistakes.append(f"attr: {sorted(document['attr'])}")
            if account not in self.passwords:
                messages.append({"type": "danger", "log": log, "msg": "access_denied"})
            elif document["attr"]["password"] != document["attr"]["password2"]:
                messages.append({"type": "danger", "log": log, "msg": "password_mismatch"})
            elif len(document["attr"]["password"]) < 6:
                messages.append({"type": "danger", "log": log, "msg": "password_complexity"})
            else:
                self.passwords[account] = document["attr"]["password"]
                messages.append({"type": "success", "log": log, "msg": ["mailbox_modified", account]})
        return messages

    def _delete(self, request: Request) -> object:
        ids = request_list(self, request)
        for one in ids:
            if not self.deletes_nothing:
                self.app_passwords.pop(int(one), None)
        return [{"type": "success", "log": ["app_passwd", "delete"], "msg": ["app_passwd_removed", one]} for one in ids]


def request_list(fake: FakeApi, request: Request) -> list[str]:
    """The body, which must be a list of texts."""
    document = json.loads(request.body)
    if not isinstance(document, list) or not all(isinstance(one, str) for one in document) or not document:
        fake.mistakes.append(f"{request.target}: {document}")
    return list(document)
