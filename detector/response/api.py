"""HTTP APIs of other servers: one question, one bounded answer, and whose turn it is when it fails."""

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import httpx

from detector.config import ConfigError
from detector.ports import Refused, Secret, Temporary
from detector.response.http import TRY_AGAIN, trusted
from detector.response.secret import harmless

ANSWER_BYTES = 1_048_576  # an account with ten thousand app passwords fits in

Json = Mapping[str, object] | Sequence[object]


@dataclass(frozen=True, slots=True)
class Form:
    """A body as a web form sends it (application/x-www-form-urlencoded), for APIs that do not read JSON."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status below 500 that is neither a redirect nor 401 or 403. `document` is None when it was no JSON."""

    status: int
    document: object

    def has(self, *names: str) -> bool:
        """Whether it is a success and its document an object with these fields."""
        return self.status < 300 and isinstance(self.document, dict) and all(name in self.document for name in names)

    def field(self, *path: str) -> object:
        """The field at the end of the path; None when there is no such field."""
        value = self.document
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


class Place(Protocol):
    """Of the settings of a server what is needed to ask it."""

    @property
    def url(self) -> str: ...

    @property
    def timeout(self) -> float: ...

    @property
    def ca_file(self) -> Path | None: ...


class Api:
    """Asks one server. `credential` names in words what `secret` is, for the operator who must mend it.

    Nothing that the server says is quoted unless it goes through `complaint`: servers like to repeat what they refuse.
    """

    def __init__(self, settings: Place, credential: str, secret: Secret, headers: Mapping[str, str]) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self.url = settings.url.rstrip("/")
        self.host = httpx.URL(settings.url).host
        self._timeout = settings.timeout
        self._tls = trusted(settings.ca_file)
        self._credential = credential
        self._secret = secret
        self._headers = headers

    def ask(
        self,
        method: str,
        path: str,
        body: Json | Form | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises `Temporary` when there is no answer or a later one may be better, `Refused` for the rest.

        Redirects are not followed: a password must not wander off.
        """
        sent: dict[str, str] = {"Accept": "application/json", **self._headers, **(headers or {})}
        content: bytes | None = None
        if isinstance(body, Form):
            content = str(httpx.QueryParams(dict(body.fields))).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            # Without trust_env a proxy from the environment of whoever started us would see the requests.
            with (
                httpx.Client(verify=self._tls, timeout=self._timeout, trust_env=False) as client,
                client.stream(method, self.url + path, headers=sent, content=content) as response,
            ):
                return self._answer(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
            msg = f"{self.host} cannot be asked: {type(error).__name__}: {harmless(str(error), self._secret)}"
            raise Temporary(msg) from error

    def complaint(self, text: object, *hidden: Secret) -> str:
        """What the server says of a failure, fit for the timeline: one line, without secrets."""
        return harmless(text, self._secret, *hidden) if isinstance(text, str) else ""

    def refused(self, answer: Answer, text: object = None, *hidden: Secret) -> Refused:
        """The error for an answer that is no success; `text` is the server's own reason, if it gave one."""
        reason = self.complaint(text, *hidden)
        return Refused(f"{self.host} answered {answer.status}{f': {reason}' if reason else ''}")

    def strange(self) -> Refused:
        """The error for an answer that the API's documentation does not know."""
        return Refused(f"{self.host} does not answer as documented: is {self.url} the address of this API?")

    def listed(self, entries: object) -> list[dict[str, object]]:
        """A list of things that have an ID. Raises `Refused` when it is none."""
        if isinstance(entries, list) and all(isinstance(entry, dict) and "id" in entry for entry in entries):
            return entries
        raise self.strange()

    def check(self, path: str, *names: str) -> Answer:
        """Read something that has these fields, without changing anything. Raises `ConfigError`."""
        try:
            answer = self.ask("GET", path)
            if not answer.has(*names):
                raise self.strange() if answer.status < 300 else self.refused(answer)
        except (Temporary, Refused) as error:
            raise ConfigError(str(error)) from error
        return answer

    def _answer(self, response: httpx.Response) -> Answer:
        status = response.status_code
        if status >= 500 or status in TRY_AGAIN:
            msg = f"{self.host} answered {status}"
            raise Temporary(msg)
        if status in (401, 403):
            msg = f"{self.host} answered {status}: the {self._credential} is not accepted, or lacks the right for this"
            raise Refused(msg)
        if 300 <= status < 400:
            msg = f"{self.host} answered {status}, a redirect: write the address that it leads to"
            raise Refused(msg)
        octets = bytearray()
        for chunk in response.iter_bytes():
            octets += chunk
            if len(octets) > ANSWER_BYTES:
                msg = f"{self.host} answered more than {ANSWER_BYTES} bytes"
                raise Refused(msg)
        try:
            return Answer(status, json.loads(octets))
        except (ValueError, RecursionError):  # an error page, nothing, or brackets without an end
            return Answer(status, None)


def segment(text: str) -> str:
    """A text as one part of a path. Raises `Refused` for what would lead somewhere else."""
    if text in ("", ".", ".."):
        msg = "no such account"
        raise Refused(msg)
    return quote(text, safe="")


def no_such_account() -> Refused:
    return Refused("no such account")
