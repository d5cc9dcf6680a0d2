"""Endpoints of the operator: signed JSON by POST, and a status as the answer."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx

from detector.config import ConfigError, HttpAction
from detector.ports import Clock, Refused, Secret, Temporary

TRY_AGAIN = (408, 425, 429)
NOT_FOUND = (404, 410)
ANSWER_BYTES = 65_536


class Endpoint:
    """Posts to one URL.

    Each request carries three headers.

    * `X-Detector-Timestamp`: Unix seconds, when the request was signed,
    * `X-Detector-Signature`: `sha256=` and the hexadecimal HMAC-SHA256, with the shared secret, of the time stamp,
      a dot and the body, byte for byte,
    * `Idempotency-Key`: the same for all attempts of one request.

    A receiver computes the signature over the body *as received*, compares it in constant time (`hmac.compare_digest`),
    refuses (401) what is wrong or more than five minutes off its own clock, and answers a key that it has already
    carried out with the first answer, *whatever the body says now*: a repeated request carries another password.

    2xx means done. 408, 425, 429, 5xx, and everything that goes wrong on the way mean
    `Temporary`. Any other status, redirects among them, means `Refused`: a signed password must not wander off.
    """

    def __init__(self, settings: HttpAction, secret: Secret, clock: Clock) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._url = settings.url
        self._timeout = settings.timeout
        self._secret = secret
        self._clock = clock
        self._host = httpx.URL(settings.url).host
        self._tls = trusted(settings.ca_file)

    def post(self, document: Mapping[str, object], request_id: str) -> None:
        """Ask for something to be done; the body of the answer is not read."""
        status, _ = self._send(document, request_id, 0)
        self._judge(status)

    def ask(self, document: Mapping[str, object], request_id: str) -> str:
        """Ask for something to be told: the body of the answer, empty for 404 and 410. More than 64 KB is `Refused`."""
        status, answer = self._send(document, request_id, ANSWER_BYTES)
        if status in NOT_FOUND:
            return ""
        self._judge(status)
        if len(answer) > ANSWER_BYTES:
            msg = f"{self._host} answered more than {ANSWER_BYTES} bytes"
            raise Refused(msg)
        return answer.decode("utf-8", "replace")

    def check(self) -> str:
        """Ask by OPTIONS, which changes nothing; any answer will do. Raises `ConfigError`."""
        try:
            status, _ = self._request("OPTIONS", {}, b"", 0)
        except Temporary as error:
            raise ConfigError(str(error)) from error
        return f"endpoint {self._url}: answers ({status} to OPTIONS)"

    def _send(self, document: Mapping[str, object], request_id: str, most_bytes: int) -> tuple[int, bytes]:
        body = json.dumps(document).encode()
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "X-Detector-Timestamp": timestamp,
            "X-Detector-Signature": signature(self._secret, timestamp, body),
            "Idempotency-Key": request_id,
        }
        return self._request("POST", headers, body, most_bytes)

    def _judge(self, status: int) -> None:
        if not 200 <= status < 300:
            msg = f"{self._host} answered {status}"
            raise (Temporary if status in TRY_AGAIN or status >= 500 else Refused)(msg)

    def _request(self, method: str, headers: Mapping[str, str], body: bytes, most_bytes: int) -> tuple[int, bytes]:
        """Status and body; a body longer than `most_bytes` is cut somewhere beyond them. Raises `Temporary`."""
        # Without trust_env a proxy from the environment of whoever started us would see the requests.
        try:
            with (
                httpx.Client(
                    verify=self._tls, timeout=self._timeout, follow_redirects=False, trust_env=False
                ) as client,
                client.stream(method, self._url, headers=headers, content=body) as response,
            ):
                return response.status_code, _beginning(response, most_bytes)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            msg = f"{self._host} cannot be asked: {type(error).__name__}: {error}"
            raise Temporary(msg) from error


def _beginning(response: httpx.Response, most_bytes: int) -> bytes:
    answer = bytearray()
    if most_bytes:
        for octets in response.iter_bytes():
            answer += octets
            if len(answer) > most_bytes:
                break
    return bytes(answer)


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """The value of `X-Detector-Signature`, for the sender and for receivers written in Python."""
    mac = hmac.new(secret.text.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return "sha256=" + mac.hexdigest()


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that believes these signers, or the system's. Raises `ConfigError` when the file cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        msg = f"{ca_file}: not a file of certificates: {error}"
        raise ConfigError(msg) from error


class HttpPassword:
    """Sets a password by an endpoint: {"action": "change_password", "account", "password", "request_id", "time"}."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def change_password(self, account: str, password: Secret, request_id: str) -> str:
        self._endpoint.post(
            {
                "action": "change_password",
                "account": account,
                "password": password.text,
                "request_id": request_id,
                "time": round(self._clock()),
            },
            request_id,
        )
        return "set by HTTP"

    def check(self) -> str:
        return self._endpoint.check()
