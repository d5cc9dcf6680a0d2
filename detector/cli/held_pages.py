"""Pages about held mail: a list, one message, and what was done."""

from collections.abc import Sequence
from pathlib import Path

from detector.cli.page import Page
from detector.cli.words import counted, moment, since, span
from detector.mail.headers import fields
from detector.mail.path import parse_mail, parse_rcpt
from detector.records.held_entries import HeldDecision, HeldMessage, HeldState
from detector.verdict.explain import explain

NEXT = {
    HeldState.HELD: ("detector held release {id}", "detector held discard {id}"),
    HeldState.UNDELIVERABLE: ("detector held release {id}", "detector held discard {id}"),
    HeldState.IN_DOUBT: ("detector held release {id} --again", "detector held discard {id}"),
}
DONE = {
    HeldDecision.RELEASE: "will be sent by the server, within seconds where it runs",
    HeldDecision.RELEASE_AGAIN: "will be sent by the server, to recipients who may have it already too",
    HeldDecision.DISCARD: "discarded",
}


def show_list(found: Sequence[tuple[HeldMessage, bool]], now: float) -> None:
    page = Page()
    if not found:
        page.line("No held mail.")
        return
    rows = [
        (
            one.message_id,
            one.account,
            "damaged" if missing else one.state.value,
            str(len(one.recipients)),
            str(one.size_bytes),
            f"{one.verdict.score:.1f}",
            one.incident_id or "",
            one.fingerprint,
            f"{span(now - one.held_at)} ago",
        )
        for one, missing in found
    ]
    columns = ("MESSAGE", "ACCOUNT", "STATE", ">RCPT", ">BYTES", ">SCORE", "INCIDENT", "FINGERPRINT", ">HELD")
    page.table(columns, rows)


def as_lines(found: Sequence[tuple[HeldMessage, bool]]) -> list[dict[str, object]]:
    """For programs: what the list shows, without recipients."""
    return [
        {
            "message_id": one.message_id,
            "account": one.account,
            "state": one.state,
            "damaged": missing,
            "recipients": len(one.recipients),
            "size_bytes": one.size_bytes,
            "score": one.verdict.score,
            "incident_id": one.incident_id,
            "fingerprint": one.fingerprint,
            "held_at": one.held_at,
            "problem": one.problem,
        }
        for one, missing in found
    ]


def show_message(message: HeldMessage, read: bytes, whole: bool, now: float) -> None:
    page = Page()
    page.heading(f"Held message {message.message_id} of {message.account}")
    page.fields(
        {
            "State": message.state.value,
            "Held": since(message.held_at, now),
            "Incident": message.incident_id or "",
            "Fingerprint": message.fingerprint,
            "Client": message.transaction.client,
            "From": str(parse_mail(message.mail).address) or "<>",
            "Size": f"{message.size_bytes} octets",
            "Decided": _decided(message),
            "Attempts": str(message.attempts) if message.attempts else "",
            "Problem": message.problem,
            "Report on": message.about,
        }
    )
    page.heading(f"Why (score {message.verdict.score:.1f})")
    page.bullets(explain(message.verdict))
    page.heading(counted(len(message.recipients), "recipient"))
    page.table(
        ("ADDRESS", "STATE", "LAST ANSWER"), [(_address(r.argument), r.state, r.reply) for r in message.recipients]
    )
    page.heading("Content" if whole else "Headers")
    for line in read.decode("utf-8", "replace").splitlines():
        page.line(line.expandtabs())
    if message.erased:
        page.line("erased with its file, when it had ended")
    if message.state in NEXT:
        page.heading("What comes next")
        for command in NEXT[message.state]:
            page.command(command.format(id=message.message_id))


def as_document(message: HeldMessage, read: bytes, whole: bool) -> dict[str, object]:
    """For programs."""
    shown: dict[str, object] = {"message": message, "explanation": list(explain(message.verdict))}
    shown["headers"] = [(field.name, field.value) for field in fields(read)]
    if whole:
        shown["content"] = read.decode("utf-8", "surrogateescape")
    return shown


def show_decision(decision: HeldDecision, done: int) -> None:
    Page().line(f"{counted(done, 'message')} {DONE[decision]}.")


def show_exported(written: Sequence[Path], problems: Sequence[str]) -> None:
    page = Page()
    page.line(f"{counted(len(written), 'message')} written.")
    page.bullets(problems)


def show_rekeyed(done: int, problems: Sequence[str]) -> None:
    page = Page()
    page.line(f"{counted(done, 'message')} encrypted with the newest key.")
    page.bullets(problems)


def _decided(message: HeldMessage) -> str:
    if message.decided_at is None:
        return ""
    why = f": {message.reason}" if message.reason else ""
    return f"{moment(message.decided_at)} UTC by {message.decided_by}{why}"


def _address(argument: str) -> str:
    return str(parse_rcpt(argument).address)
