"""Format `jsonl`: one event a line, and for each line one answer line, in order and at once.

An answer tells `id`, `action` (accept, hold or reject), `score` in nats, the recipients `deferred` by the window, the
`evidence`, and the `incidents` that begin with it. Events other than transactions have no `id` and no `action`. Every
answer may name held messages in `released`: from now on they are on their way.
"""

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from detector.mail.address import Address
from detector.mail.stream import classify, message_key
from detector.mail.transaction import (
    ACCEPTED,
    DEFERRED,
    PACED,
    REFUSED,
    Identity,
    Recipient,
    Transaction,
)
from detector.mail.written import Written
from detector.replay.engine import Engine, Outcome
from detector.replay.events import Event, Submission
from detector.verdict.verdict import Evidence

NOTHING = b"{}"
SOURCE = "replay"

_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


class Malformed(Exception):
    """A line is not an event; the text says where and why."""


class Begun(Struct, frozen=True):
    """An incident begins: the account is considered taken over."""

    account: str
    kind: str = "compromise"


class Answer(Struct, frozen=True, omit_defaults=True):
    """The answer to an event; what is empty is left out."""

    id: str = ""
    action: str = ""
    score: float | None = None
    deferred: list[str] = []
    evidence: list[Evidence] = []
    incidents: list[Begun] = []
    released: list[str] = []


def answers(lines: Iterable[bytes], engine: Engine, skipped: Callable[[str], None] | None = None) -> Iterable[bytes]:
    """An answer for each line, without line end.

    Raises `Malformed` for a line that is no event; with `skipped` that is told the reason instead, and answered `{}`.
    """
    for number, line in enumerate(lines, 1):
        try:
            event = _decoder.decode(line)
            answer = _answer(event, engine)
        except (msgspec.MsgspecError, UnicodeError) as error:
            reason = f"line {number}: {error}"
            if skipped is None:
                raise Malformed(reason) from error
            skipped(reason)
            answer = NOTHING
        yield answer
        engine.learn()  # while the answer is on its way


def written(event: Submission) -> Written:
    """Its message, octet for octet. Raises `UnicodeError` where it has other characters than those of Latin-1."""
    return Written.of(event.message.encode("latin-1"))


def transaction_of(event: Submission, message: Written) -> Transaction:
    """The event as the relay would see it, with the next hop's answers."""
    mail_from = Address.parse(event.mail_from)
    return Transaction(
        transaction_id=event.id,
        message_key=message_key(SOURCE, event.retry_of or event.id, "", "", b""),
        identity=Identity(event.account.lower(), SOURCE, trusted=True),
        client=event.client_ip,
        helo=event.helo,
        mail_from=mail_from,
        recipients=tuple([_recipient(text, event.rcpt_status.get(text, "")) for text in event.rcpt_to]),
        stream=classify(mail_from, message.header),
        received_at=event.time,
        size_bytes=message.size_bytes,
    )


def _recipient(text: str, reply: str) -> Recipient:
    if reply.startswith("5"):
        status = REFUSED
    elif reply.startswith("4"):
        status = DEFERRED
    else:
        status = ACCEPTED
    return Recipient(Address.parse(text), status, reply)


def _answer(event: Event, engine: Engine) -> bytes:
    released = list(engine.released(event.time))
    if isinstance(event, Submission):
        message = written(event)
        return _encoder.encode(_told(event, engine.decide(transaction_of(event, message), message), released))
    engine.hear(event)
    return _encoder.encode(Answer(released=released)) if released else NOTHING


def _told(event: Submission, outcome: Outcome, released: list[str]) -> Answer:
    action = "reject" if outcome.stopped else "hold" if outcome.held else "accept"
    verdict = outcome.verdict
    if verdict is None:
        return Answer(event.id, action, released=released)
    pairs = zip(event.rcpt_to, outcome.transaction.recipients, strict=True)
    return Answer(
        event.id,
        action,
        verdict.score,
        [] if outcome.stopped or outcome.held else [text for text, one in pairs if one.status is PACED],
        [one for group in verdict.groups for one in group.evidence],
        [Begun(event.account)] if outcome.incident else [],
        released,
    )
