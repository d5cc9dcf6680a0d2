"""A server that answers as the public documentation of an API says, and remembers what a client does wrong.

The servers themselves cannot be had here: hosting panels are not in Debian. Each fake is written from the documentation
that the provider names in its first lines; what that does not allow is answered as it says, and noted in `mistakes`.
"""

import json
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.ports import PATIENCE


@dataclass(frozen=True)
class Request:
    """`parts` are those of the path, decoded; header names are in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(unquote(part) for part in urlsplit(self.target).path.strip("/").split("/"))

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


Reply = tuple[int, object]
"""A status, and what stands in the body as JSON; bytes are sent as they are, None is nothing."""


class FakeApi(ABC):
    """Listens on loopback in a thread. A context manager; leaving it asserts that no client made a mistake."""

    def __init__(self, accounts: tuple[str, ...] = (), certificate: tuple[Path, Path] | None = None) -> None:
        self.passwords = dict.fromkeys(accounts, "old")
        self.mistakes: list[str] = []
        self.requests: list[Request] = []
        self.instead: list[Reply] = []  # answered first, whatever is asked
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()
        if kind is None:
            assert not self.mistakes

    @abstractmethod
    def answer(self, request: Request) -> Reply: ...

    def mistake(self, what: str, reply: Reply) -> Reply:
        self.mistakes.append(what)
        return reply

    def json(self, request: Request, required: Set[str], allowed: Set[str] = frozenset()) -> dict[str, Any]:
        """The body, which must be an object with these fields and no others."""
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            self.mistakes.append(f"{request.target}: no JSON")
        document = json.loads(request.body)
        self._fields(request, document, required, allowed)
        return dict(document)

    def form(self, request: Request, required: Set[str], allowed: Set[str] = frozenset()) -> dict[str, str]:
        if request.headers.get("content-type", "") != "application/x-www-form-urlencoded":
            self.mistakes.append(f"{request.target}: no form")
        document = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self._fields(request, document, required, allowed)
        return document

    def _fields(self, request: Request, document: Mapping[str, object], required: Set[str], allowed: Set[str]) -> None:
        if not required <= set(document) <= required | allowed:
            self.mistakes.append(f"{request.method} {request.target}: fields {sorted(document)}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                with fake._lock:
                    fake.requests.append(request)
                    status, document = fake.instead.pop(0) if fake.instead else fake.answer(request)
                octets = document if isinstance(document, bytes) else b""
                if document is not None and not isinstance(document, bytes):
                    octets = json.dumps(document).encode()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "https://elsewhere.example/")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 - as the library calls them

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
