"""Delivery status notifications (RFC 3464, RFC 6533): the fields for programs, as real servers write them."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from detector.mail.causes import cause_of, status_in
from detector.reports.original import original_of
from detector.reports.parts import Pieces
from detector.reports.values import Bounce, Failed

MOST_RECIPIENTS = 200
MOST_FIELDS = 4000
LONGEST_DIAGNOSTIC = 1000
LONGEST_ADDRESS = 320  # RFC 5321 section 4.5.3.1: 64 + 1 + 255

Fields = Mapping[str, str]

_FIELD = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9-]{2,60})[ \t]*:[ \t]*(.*)")
_RECIPIENT = frozenset({"final-recipient", "original-recipient", "x-actual-recipient"})
_OF_MESSAGE = frozenset({"reporting-mta", "original-envelope-id", "x-postfix-queue-id"})
_STATUS = re.compile(r"\s*#?([245]\.\d{1,3}\.\d{1,3})")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_COMMENT = re.compile(r"\([^()]*\)")
_NAME = re.compile(r"[\w.+-]+")  # of a mailbox of the reporting server itself
_NOT_FAILED = frozenset({"delivered", "relayed", "expanded", "deliverable"})


class Status(Struct, frozen=True):
    """Fields about the message, and of each recipient, by lower-case names. `left_out` counts further recipients."""

    message: Fields
    recipients: tuple[Fields, ...]
    left_out: int = 0


class _Reading(Struct):
    message: dict[str, str] = field(default_factory=dict)
    recipients: list[dict[str, str]] = field(default_factory=list)
    current: dict[str, str] = field(default_factory=dict)
    left_out: int = 0

    def end_block(self) -> None:
        if self.current.keys() & _RECIPIENT:
            for name in self.current.keys() & _OF_MESSAGE:  # a blank line was forgotten
                self.message.setdefault(name, self.current[name])
            if len(self.recipients) < MOST_RECIPIENTS:
                self.recipients.append(self.current)
            else:
                self.left_out += 1
        else:  # of the message; or of a recipient, after a blank line too many
            for name, value in self.current.items():
                (self.recipients[-1] if self.recipients else self.message).setdefault(name, value)
        self.current = {}

    def add(self, name: str, value: str) -> None:
        if name in _RECIPIENT and name in self.current:  # the next one, without a blank line before it
            self.end_block()
        self.current.setdefault(name, value)


def status_of(text: str) -> Status:
    """The blocks of a delivery-status part, and of a text that imitates one."""
    reading = _Reading()
    for name, value in _fields(text):
        if name:
            reading.add(name, value)
        else:
            reading.end_block()
    reading.end_block()
    return Status(reading.message, tuple(reading.recipients), reading.left_out)


def notification(pieces: Pieces, text: str) -> Bounce | None:
    """The failures and delays in `text`; None if it names no recipient. All delivered: a bounce of nobody."""
    status = status_of(text)
    if not status.recipients:
        return None
    failed = [_failed(fields, pieces.said) for fields in status.recipients if _is_failure(fields)]
    return Bounce(
        recipients=tuple({one.address: one for one in reversed(failed) if one.address}.values())[::-1],
        original=original_of(pieces, pieces.returned, status.message),
        reporting_mta=_without_type(status.message.get("reporting-mta", "")),
        left_out=status.left_out,
    )


def address_in(value: str) -> str:
    r"""The address of a recipient field, `type; address` or less.

    >>> address_in("rfc822; <bob@example.net>"), address_in(r"utf-8; \x{FC}nal@example.net")
    ('bob@example.net', 'ünal@example.net')
    """
    text = _without_type(value)
    if "\\x{" in text:  # RFC 6533 section 3
        text = _ESCAPED.sub(_character, text)
    bracketed = text.rpartition("<")[2].partition(">")[0] if "<" in text else text
    words = _COMMENT.sub(" ", bracketed).split()
    chosen = next((word for word in words if "@" in word), words[0] if words else "").strip(".,;:<>'")
    chosen = (chosen.strip('"') if chosen.endswith('"') else chosen).removeprefix("mailto:")[:LONGEST_ADDRESS]
    return chosen if "@" in chosen or _NAME.fullmatch(chosen) else ""


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Unfolded; an empty name stands for a blank line."""
    name, value = "", ""
    for line in text.split("\n", MOST_FIELDS)[:MOST_FIELDS]:
        found = _FIELD.match(line)
        if name and line[:1] in (" ", "\t") and line.strip() and (found is None or name == "diagnostic-code"):
            value = f"{value} {line.strip()}"[: 4 * LONGEST_DIAGNOSTIC]
            continue
        if name:
            yield name, value
            name = ""
        if found:
            name, value = found[1].lower(), found[2].strip()[: 4 * LONGEST_DIAGNOSTIC]
        elif not line.strip():
            yield "", ""
    if name:
        yield name, value


def _is_failure(fields: Fields) -> bool:
    action = fields.get("action", "").lower().split("(")[0].strip(" ;\t")
    return action not in _NOT_FAILED and not (not action and fields.get("status", "").startswith("2"))


def _failed(fields: Fields, said: str) -> Failed:
    diagnostic = _without_type(fields.get("diagnostic-code", ""))[:LONGEST_DIAGNOSTIC]
    written = _STATUS.match(fields.get("status", ""))
    status = written[1] if written else status_in(diagnostic)
    address, original = _addresses(fields)
    words = diagnostic or _words_about(address, said)
    if not status or status.endswith(".0.0"):
        status = status_in(words) or status
    return Failed(
        address=address,
        cause=cause_of(words, status),
        status=status,
        diagnostic=words,
        remote_mta=_without_type(fields.get("remote-mta", ""))[:LONGEST_ADDRESS],
        original=original,
        final=not fields.get("action", "").lower().startswith("delayed"),
    )


def _addresses(fields: Fields) -> tuple[str, str]:
    """The final and the original one. A final one that is no address, as of a program, gives way to what is one."""
    final, original, actual = (
        address_in(fields.get(name, "")) for name in ("final-recipient", "original-recipient", "x-actual-recipient")
    )
    known = (final, original, actual)
    chosen = next((one for one in known if "." in one[1:].partition("@")[2]), None)
    return chosen or next((one for one in known if "@" in one[1:]), final or original), original


def _words_about(address: str, said: str) -> str:
    """The paragraph for people that names the recipient."""
    place = said.find(address) if address else -1
    return said[max(place, 0) :][:LONGEST_DIAGNOSTIC] if place >= 0 else said[:LONGEST_DIAGNOSTIC]


def _without_type(value: str) -> str:
    """RFC 3464 section 2.1.2: `dns; mx.example.net`."""
    kind, semicolon, rest = value.partition(";")
    is_type = semicolon and len(kind) < 20 and "@" not in kind and " " not in kind.strip()
    return rest.strip() if is_type else value.strip()


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
