"""WHM API 1, as far as we use it, with UAPI's Email::passwd_pop behind it (https://api.docs.cpanel.net/)."""

from pathlib import Path

from detector.config import SecretSource
from detector.config.panels import CpanelPanel
from detector.ports import Secret
from detector.response.cpanel import Cpanel
from tests.support.fake_api import FakeApi, Reply, Request

TOKEN = "U7HMR63FGY292DQZ4H5BFH16JLYMO01M"


class FakeCpanel(FakeApi):
    """All mailboxes belong to the cPanel account "customer"."""

    def __init__(self, accounts: tuple[str, ...] = (), certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(accounts, certificate)
        self.domains = {account.partition("@")[2] for account in accounts}
        self.privileged = True
        self.wrapped = False

    def provider(self, secret: str = TOKEN, ca_file: Path | None = None) -> Cpanel:
        source = SecretSource(environment="UNUSED")
        settings = CpanelPanel(provider="cpanel", url=self.url, user="root", secret=source, ca_file=ca_file)
        return Cpanel(settings, Secret(secret))

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"whm root:{TOKEN}":
            return 403, {"cpanelresult": {"apiversion": "2", "error": "Access denied", "type": "text"}}
        if "password" in request.target:
            self.mistakes.append("a password in a URL")
        match request.method, request.parts:
            case "GET", ("json-api", "version") if request.query == {"api.version": "1"}:
                return 200, told("version", {"version": "11.128.0.10"})
            case "POST", ("json-api", "getdomainowner"):
                domain = self.form(request, {"api.version", "domain"})["domain"]
                return 200, told("getdomainowner", {"user": "customer" if domain in self.domains else None})
            case "POST", ("json-api", "uapi_cpanel"):
                return 200, self._uapi(request)
            case _:
                unknown = {
                    "metadata": {"result": 0, "reason": f"Unknown app requested: {request.parts[-1]}", "version": 1}
                }
                return self.mistake(f"{request.method} {request.target}", (200, unknown))

    def _uapi(self, request: Request) -> object:
        if not self.privileged:
            return {"metadata": {"result": 0, "reason": "You do not have permission to do this.", "version": 1}}
        named = {"cpanel.user", "cpanel.module", "cpanel.function"}
        form = self.form(request, {"api.version", "email", "domain", "password"} | named)
        if (form["cpanel.user"], form["cpanel.module"], form["cpanel.function"]) != ("customer", "Email", "passwd_pop"):
            self.mistakes.append(str([form[name] for name in sorted(named)]))
        account = f"{form['email']}@{form['domain']}"
        errors = None
        if account not in self.passwords:
            errors = [f"You do not have an email account named “{account}”."]
        elif len(form["password"]) < 5:
            errors = [f"Sorry, “{form['password']}” is too weak: it has a strength of 1, and 65 is needed."]
        else:
            self.passwords[account] = form["password"]
        result: dict[str, object] = {
            "data": None,
            "errors": errors,
            "messages": None,
            "metadata": {},
            "status": 0 if errors else 1,
        }
        return told("uapi_cpanel", {"uapi": {"result": result} if self.wrapped else result})


def told(command: str, data: object) -> dict[str, object]:
    return {"data": data, "metadata": {"command": command, "reason": "OK", "result": 1, "version": 1}}
