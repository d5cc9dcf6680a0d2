"""Reads reports for `detector feedback`: opens the files, says what is in them, and counts."""

import mailbox
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from detector.cli.ends import Impossible
from detector.cli.office import clock
from detector.cli.page import Page, print_json
from detector.cli.words import counted
from detector.config import load
from detector.content.mime import MOST_BYTES
from detector.mail.headers import Header
from detector.mail.tag import Refusal
from detector.relay.tagging import known_tag_keys
from detector.reports.reader import read
from detector.reports.ties import Loose, Ties
from detector.reports.values import AuthFailure, AutoReply, Bounce, Complaint, NotAReport, Report

TIED = "tied"
STANDARD_INPUT = "-"
KINDS: dict[type[Report], str] = {
    Bounce: "bounce",
    Complaint: "complaint",
    AuthFailure: "authentication failure",
    AutoReply: "automatic answer",
    NotAReport: "other mail",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One message: where it stands, what it says, and what it is about."""

    file: str
    number: int
    kind: str
    says: str
    recipients: list[dict[str, object]] = field(default_factory=list)
    left_out: int = 0
    tie: str = ""
    transaction: str = ""
    message_id: str = ""
    queue_ids: tuple[str, ...] = ()


def run(files: list[str], config: Path | None, as_json: bool) -> None:
    """Raises `ConfigError`, and `Impossible` for a file that cannot be read."""
    ties, counts = _ties(config), Counter[str]()
    page, all_told = Page(), []
    for name in files:
        for number, octets in enumerate(messages(name), 1):
            told = tell(name, number, octets, ties)
            counts.update((told.kind, *([told.tie] if told.tie else [])))
            if as_json:
                all_told.append(asdict(told))
            else:
                _show(page, told)
    if as_json:
        print_json({"reports": all_told, "counts": counts})
        return
    page.heading(counted(sum(counts[kind] for kind in KINDS.values()), "message"))
    page.fields({name: str(counts[name]) for name in (*KINDS.values(), TIED, *Refusal, *Loose) if counts[name]})
    if ties is not None and not ties.keys:
        page.line("There is no key yet: the server makes it at its first start. Until then no report is tied.")


def messages(name: str) -> Iterator[bytes]:
    """The messages of an mbox or a Maildir, or the one that the file is. Raises `Impossible`."""
    try:
        if name == STANDARD_INPUT:
            with NamedTemporaryFile() as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
                file.flush()
                yield from _of_file(Path(file.name))
        elif Path(name).is_dir():
            if not (Path(name) / "cur").is_dir():
                msg = f"{name}: is no Maildir, it has no directory cur"
                raise Impossible(msg)
            yield from _of_box(mailbox.Maildir(name, create=False))
        else:
            yield from _of_file(Path(name))
    except OSError as error:
        msg = f"{error.filename or name}: cannot be read: {error.strerror}"
        raise Impossible(msg) from error


def tell(name: str, number: int, octets: bytes, ties: Ties | None) -> Told:
    """What the message says; without `ties` not what it is about."""
    report = read(octets)
    told: dict[str, Any] = {"file": name, "number": number, "kind": KINDS[type(report)], "says": _words(report)}
    if isinstance(report, NotAReport):
        return Told(**told)
    told |= {"message_id": report.original.message_id, "queue_ids": report.original.queue_ids}
    if isinstance(report, Bounce):
        told |= {"recipients": [_recipient(one) for one in report.recipients], "left_out": report.left_out}
    elif isinstance(report, Complaint):
        told |= {"recipients": [{"address": one} for one in report.recipients]}
    if ties is not None and not isinstance(report, AutoReply):
        start = octets.partition(b"\n")[2] if octets.startswith(b"From ") else octets
        found = ties.transaction(report, Header.of(start[:MOST_BYTES]), clock())
        tied = not isinstance(found, Refusal | Loose)
        told |= {"tie": TIED if tied else str(found), "transaction": found if tied else ""}
    return Told(**told)


def _ties(config: Path | None) -> Ties | None:
    if config is None:
        return None
    settings = load(config)
    tags = settings.feedback.tags
    return Ties(known_tag_keys(settings), tags.header, tags.lifetime)


def _of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        beginning = file.read(MOST_BYTES + 1)
    if beginning.lstrip(b"\r\n").startswith(b"From "):
        yield from _of_box(mailbox.mbox(path, create=False))
    elif beginning.strip():
        yield beginning


def _of_box(box: mailbox.Mailbox[Any]) -> Iterator[bytes]:
    with closing(box):
        for key in box.iterkeys():
            with box.get_file(key) as file:
                yield file.read(MOST_BYTES + 1)


def _recipient(failed: Any) -> dict[str, object]:
    return {
        "address": failed.address,
        "cause": failed.cause.value,
        "status": failed.status,
        "final": failed.final,
        "original": failed.original,
        "diagnostic": failed.diagnostic,
    }


def _words(report: Report) -> str:
    if isinstance(report, Bounce):
        return ", ".join(
            f"{one.address}: {one.cause.value}{'' if one.final else ' (only late)'}" for one in report.recipients
        )
    if isinstance(report, NotAReport):
        return report.reason
    return report.kind


def _show(page: Page, told: Told) -> None:
    page.fields(
        {
            "message": f"{told.file} {told.number}",
            told.kind: told.says or "names nobody",
            "left out": counted(told.left_out, "recipient") if told.left_out else "",
            "is about": f"transaction {told.transaction}" if told.transaction else told.tie,
            "Message-ID": told.message_id,
        }
    )
    page.line("")
