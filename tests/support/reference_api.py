"""The page deploy/reference/api.md: what we answer, and what programs and endpoints of the operator get from us."""

import json
import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from msgspec import Struct, inspect

from detector.config import HostPort
from detector.health import HealthServer
from detector.mail.reply import Reply
from detector.metrics import Metrics
from detector.ports import Secret
from detector.relay import replies
from detector.response.http import signature
from tests.support.interfaces import EVENTS, REQUESTS, Contact, schema, words_of

DETECTOR = Path(__file__).parents[2] / "detector"
PATHS = ("/metrics", "/health/live", "/health/ready", "/anything-else")
SECRET, TIMESTAMP, BODY = "a-secret-of-the-hook", "1795341699", b'{"event": "response.unfrozen"}'
RECEIVER = '''\
import hashlib
import hmac
import time


def genuine(headers: dict[str, str], body: bytes, secret: bytes) -> bool:
    """`body` is what came, octet for octet, before anything has parsed it."""
    timestamp = headers["X-Detector-Timestamp"]
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(timestamp)) <= 300
    return fresh and hmac.compare_digest("sha256=" + mac, headers["X-Detector-Signature"])
'''


def page() -> str:
    """The whole page."""
    return (
        f"""\
# Interfaces

What others may ask of us, and what we ask of programs and endpoints of yours. Made by `make pages` from the code;
whatever the tests send is checked against the fields below. As JSON Schema:
[hook-events.schema.json](hook-events.schema.json), [requests.schema.json](requests.schema.json). Commands with `--json`
are in [cli.md](cli.md), metrics in [metrics.md](../metrics.md), log events in [log.md](log.md).

## HTTP: metrics and health

At `metrics.listen`, without a login: keep it inside.

| path | status | content type | says |
|---|---|---|---|
{_health()}
`/health/live` says that the process answers at all, `/health/ready` that it takes mail: not before its start is over,
and not while it stops.

## The policy service

At `policy_service.listen`: Postfix's policy delegation protocol (SMTPD_POLICY_README). The answer is always
`action=DUNNO`, whatever was asked and whatever went wrong: no mail is refused or delayed by it. It reads
{_attributes()}.
Ask at the end of the message (`smtpd_end_of_data_restrictions`), or before the queue at RCPT.

## SMTP: replies of our own

All other replies are the next hop's, word for word.

| name | code | enhanced | text |
|---|---|---|---|
{_replies()}
## Signed requests

`provider = "http"` sends JSON by POST, over https (plain http to this host only), with three headers:

- `X-Detector-Timestamp`: Unix seconds, when it was signed.
- `X-Detector-Signature`: `sha256=` and the hexadecimal HMAC-SHA256 of the time stamp, a dot and the body as received.
- `Idempotency-Key`: the same for all attempts. Answer a key that was carried out already as the first time, *whatever
  the body says now*.

With the secret `{SECRET}`, the time stamp `{TIMESTAMP}` and the body `{BODY.decode()}`:

```text
X-Detector-Signature: {signature(Secret(SECRET), TIMESTAMP, BODY)}
```

A receiver in Python:

```python
{RECEIVER}```

| answer | means |
|---|---|
| 2xx | done |
| 408, 425, 429, 5xx, none in time, no connection | try again later |
| 404, 410 to `contact` | nobody |
| anything else, redirects too | refused: a person is asked |

`detector check` asks by OPTIONS, which must change nothing; any answer will do.

## Programs

`provider = "command"` starts a program without a shell, in `/`, with a path and a language in its environment and
nothing else. It reads one JSON document from standard input, with `request_id` for the key. Exit status 0 is done, 75
is try again later, any other is refused. What it writes to standard error stands in the timeline.

## What they are asked to do

{"".join(map(_documented, REQUESTS))}\
### Contact: the answer to `contact`

{_about(Contact)}

{_fields(Contact)}
## What hooks are told

`[[response.hooks]]`, by signed request or program. `redaction` leaves fields out, as noted. Never a recipient's
address, never a password. New fields may come; a receiver ignores what it does not know.

{"".join(map(_documented, EVENTS))}""".rstrip("\n")
        + "\n"
    )


def schemas() -> dict[str, str]:
    """The files beside the page, by name."""
    found = {"hook-events.schema.json": schema(EVENTS), "requests.schema.json": schema(REQUESTS)}
    return {name: json.dumps(one, indent=2) + "\n" for name, one in found.items()}


def _health() -> str:
    ready: list[bool] = []
    server = HealthServer(HostPort(host="127.0.0.1", port=0), Metrics("0").registry, lambda: bool(ready))
    server.start()
    try:
        port = server.address[1]
        rows = [_asked(port, path) for path in PATHS[:2]]
        rows.append(_asked(port, PATHS[2]))
        ready.append(True)
        return "".join([*rows, _asked(port, PATHS[2]), _asked(port, PATHS[3])])
    finally:
        server.stop()


def _asked(port: int, path: str) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            status, kind, body = answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        with error:
            status, kind, body = error.code, error.headers["Content-Type"], error.read()
    text = "[every metric](../metrics.md)" if path == "/metrics" else f"`{body.decode().strip()}`"
    return f"| `{path}` | {status} | `{kind}` | {text} |\n"


def _attributes() -> str:
    source = (DETECTOR / "relay" / "policy_service.py").read_text("utf-8")
    names = list(dict.fromkeys(re.findall(r'attributes\.get\("(\w+)"', source)))
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" and `{names[-1]}`"


def _replies() -> str:
    rows = []
    for name, reply in vars(replies).items():
        if isinstance(reply, Reply):
            enhanced, _, text = str(reply.lines[0]).partition(" ")
            if not re.fullmatch(r"\d\.\d\.\d", enhanced):
                enhanced, text = "", reply.lines[0]
            rows.append(f"| {name} | {reply.code} | {enhanced} | {text.replace('<', '&lt;')} |\n")
    return "".join(rows)


def _documented(kind: type[Struct]) -> str:
    return f"### {', '.join(f'`{word}`' for word in words_of(kind))}\n\n{_about(kind)}\n\n{_fields(kind)}\n"


def _about(kind: type[Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _fields(kind: type[Struct]) -> str:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    rows = ["| field | type | needed | meaning |\n|---|---|---|---|\n"]
    for field in described.fields:
        words, meaning = _type_in_words(field.type)
        rows.append(f"| `{field.encode_name}` | {words} | {'yes' if field.required else ''} | {meaning} |\n")
    return "".join(rows)


def _type_in_words(kind: inspect.Type) -> tuple[str, str]:
    """What it is, and its description."""
    if isinstance(kind, inspect.Metadata):
        words, inner = _type_in_words(kind.type)
        return words, str((kind.extra_json_schema or {}).get("description", inner))
    if isinstance(kind, inspect.UnionType):
        told = [_type_in_words(one) for one in kind.types]
        return " or ".join(words for words, _ in told), next((meaning for _, meaning in told if meaning), "")
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(f"`{value}`" for value in kind.values), ""
    if isinstance(kind, inspect.ListType):
        return f"list of {_type_in_words(kind.item_type)[0]}", _type_in_words(kind.item_type)[1]
    if isinstance(kind, inspect.DictType):
        return f"object of {_type_in_words(kind.value_type)[0]}s", ""
    if isinstance(kind, inspect.StructType):
        return "object of `" + "`, `".join(field.encode_name for field in kind.fields) + "`", ""
    return NAMES[type(kind)], ""


NAMES: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
}
