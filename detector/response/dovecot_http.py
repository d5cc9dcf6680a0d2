"""Ends the sessions of an account in Dovecot by its doveadm HTTP API (doc.dovecot.org, tried with 2.3.19)."""

import base64

from detector.config import ConfigError
from detector.config.panels import DovecotHttpSessions
from detector.ports import Refused, Secret, Temporary
from detector.response.api import Api
from detector.response.dovecot import FOR_EVER, NOBODY_TO_KICK, one_account

PATH = "/doveadm/v1"
NEEDED = {"authCacheFlush": "user", "kick": "mask"}  # commands, each with the parameter that names the account


class DovecotHttp:
    """`authCacheFlush`, then `kick`, in this order for the reason that `detector.response.dovecot` gives.

    One request for each: of several commands in one request Dovecot's documentation says that they need not be carried
    out in their order.
    """

    def __init__(self, settings: DovecotHttpSessions, secret: Secret) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        key = base64.b64encode(secret.text.encode()).decode()
        self._api = Api(settings, "doveadm_api_key", secret, {"Authorization": f"X-Dovecot-API {key}"})

    def end_sessions(self, account: str, request_id: str) -> str:  # noqa: ARG002 - twice is harmless
        """Raises `Temporary` when Dovecot does not answer, `Refused` when it never will."""
        one_account(account)
        self._carry_out("authCacheFlush", account)
        kicked = self._carry_out("kick", account, NOBODY_TO_KICK)
        return "cached logins flushed, sessions ended" if kicked else "cached logins flushed, no session was open"

    def check(self) -> str:
        """Ask which commands there are. Raises `ConfigError`."""
        try:
            answer = self._api.ask("GET", PATH)
        except (Temporary, Refused) as error:
            raise ConfigError(str(error)) from error
        commands = answer.document if isinstance(answer.document, list) else []
        known = {pair for entry in commands for pair in _parameters(entry)}
        missing = [f"{command} ({name})" for command, name in NEEDED.items() if (command, name) not in known]
        if missing:
            msg = f"{self._api.url}{PATH} does not know {', '.join(missing)}: is it the doveadm HTTP API of Dovecot?"
            raise ConfigError(msg)
        return f"doveadm HTTP API {self._api.url}: Dovecot answers"

    def _carry_out(self, command: str, account: str, nobody: int | None = None) -> bool:
        """False when the command ended with the status `nobody`."""
        body = [[command, {NEEDED[command]: [account]}, "1"]]
        match self._api.ask("POST", PATH, body).document:
            case [["doveadmResponse", [*_], "1"]]:
                return True
            case [["error", {"type": "exitCode", "exitCode": int(status)}, "1"]]:
                if status == nobody:
                    return False
                msg = f"{command} ended with status {status}"
                raise (Refused if status in FOR_EVER else Temporary)(msg)
            case [["error", {"type": str(kind)}, "1"]]:  # unknownMethod, invalidRequest
                msg = f"{self._api.host} does not take {command}: {self._api.complaint(kind)}"
                raise Refused(msg)
        raise self._api.strange()


def _parameters(entry: object) -> list[tuple[str, object]]:
    """The command that an entry of the list describes, with each of its parameters."""
    match entry:
        case {"command": str(command), "parameters": [*parameters]}:
            return [(command, parameter.get("name")) for parameter in parameters if isinstance(parameter, dict)]
    return []
