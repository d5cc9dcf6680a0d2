"""A strict HTTP receiver: it verifies signature and age, and answers a key it knows with its first answer."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from tests.support.interfaces import check_event, check_request
from tests.support.ports import PATIENCE

OLDEST = 300.0


class Receiver:
    """Listens on loopback in a thread. `carry_out` is called once for each idempotency key. A context manager."""

    def __init__(self, secret: str, clock: Callable[[], float], certificate: tuple[Path, Path] | None = None) -> None:
        self.carry_out: Callable[[dict[str, Any]], int] = lambda _: 204
        self.body: Callable[[dict[str, Any]], bytes] = lambda _: b""  # of the answer to a request that it believes
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.statuses: list[int] = []  # answered first, without looking at the request
        self.headers: dict[str, str] = {}
        self.strict = True  # what comes must be as it is documented
        self._secret = secret.encode()
        self._clock = clock
        self._answers: dict[str, int] = {}
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        with self._lock:
            if self.statuses:
                return self.statuses.pop(0)
            timestamp = headers.get("X-Detector-Timestamp", "")
            mac = hmac.new(self._secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
            if not hmac.compare_digest("sha256=" + mac, headers.get("X-Detector-Signature", "")):
                return 401
            if abs(self._clock() - int(timestamp)) > OLDEST:
                return 401
            document = json.loads(body)
            self.requests.append((headers, document))
            if self.strict:
                (check_event if "event" in document else check_request)(document)
            key = headers["Idempotency-Key"]
            if key not in self._answers:
                self._answers[key] = self.carry_out(document)
            return self._answers[key]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answer(dict(self.headers), body)
                self.reply(status, receiver.body(json.loads(body)) if 200 <= status < 300 else b"")

            def do_OPTIONS(self) -> None:
                self.reply(204)

            def reply(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
