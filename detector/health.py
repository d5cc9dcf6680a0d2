"""The port that Prometheus, systemd's friends and load balancers ask: /metrics, /health/live, /health/ready."""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from detector.config import HostPort

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


class HealthServer:
    """Answers in threads of its own, so that it also answers when the relay is busy.

    `live` means that the process answers at all; `ready` that it takes mail (503 before, and while stopping).
    """

    def __init__(self, listen: HostPort, figures: CollectorRegistry, ready: Callable[[], bool]) -> None:
        self._metrics_page = make_wsgi_app(figures)
        self._ready = ready
        self._server: WSGIServer = make_server(
            listen.host, listen.port, self._page, server_class=ThreadingWSGIServer, handler_class=_QuietHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _page(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return cast("Iterable[bytes]", self._metrics_page(environ, start_response))
        if path == "/health/live":
            return _answer(start_response, "200 OK", "alive")
        if path == "/health/ready":
            ready = self._ready()
            return _answer(
                start_response, *(("200 OK", "ready") if ready else ("503 Service Unavailable", "not ready"))
            )
        return _answer(start_response, "404 Not Found", "here are /metrics, /health/live and /health/ready")


class _QuietHandler(WSGIRequestHandler):
    timeout = 10  # a client that says nothing does not keep a thread

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's own name
        """Scrapes are not events."""


def _answer(start_response: "StartResponse", status: str, text: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]
