"""Commands to the next hop as a transaction needs them, and what its answers mean for a recipient."""

from collections.abc import Awaitable, Mapping, Sequence

from detector.mail import xtext
from detector.mail.reply import Reply
from detector.mail.transaction import RecipientStatus
from detector.relay.next_hop import Connection, NextHopError


def line(verb: str, argument: str) -> bytes:
    return f"{verb} {argument}".encode("utf-8", "surrogateescape")


def say_mail(
    connection: Connection, argument: str, recipients: Sequence[str], xforward: Mapping[str, str]
) -> Awaitable[list[Reply]]:
    """MAIL, after all that XFORWARD told us of the customer, where the next hop wants to know it; then RCPT.

    A reply for each but XFORWARD.
    """
    lines = [line("MAIL", argument), *[line("RCPT", argument) for argument in recipients]]
    if xforward and connection.capabilities.offers("XFORWARD"):
        return _last(len(lines), connection.commands([*_xforward_lines(xforward), *lines]))
    return connection.commands(lines)


async def _last(count: int, answers: Awaitable[list[Reply]]) -> list[Reply]:
    return (await answers)[-count:]


def say_rcpt(recipients: Sequence[str], connection: Connection) -> Awaitable[list[Reply]]:
    """The arguments of RCPT, word for word; a reply for each."""
    return connection.commands([line("RCPT", argument) for argument in recipients])


async def say_data(connection: Connection) -> list[Reply]:
    reply = await connection.command(b"DATA")
    if reply.code < 400 and reply.code != 354:
        # Neither "go on" nor "no": a message that was not sent must not be called accepted.
        connection.close()
        raise NextHopError("protocol", f"answers DATA with {reply}")
    return [reply]


def status(reply: Reply) -> RecipientStatus:
    """What the reply to RCPT means."""
    if reply.positive:
        return RecipientStatus.ACCEPTED
    return RecipientStatus.DEFERRED if reply.transient else RecipientStatus.REFUSED


def _xforward_lines(attributes: Mapping[str, str]) -> list[bytes]:
    """One command for each attribute (XFORWARD_README)."""
    return [f"XFORWARD {name}={_xforward_value(name, value)}".encode() for name, value in attributes.items()]


def _xforward_value(name: str, value: str) -> str:
    value = f"IPV6:{value}" if name == "ADDR" and ":" in value else value
    return xtext.encode(value) or "[UNAVAILABLE]"
