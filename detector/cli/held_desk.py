"""What operators do with held mail: choose, decide, read, export, and change keys."""

import os
from collections.abc import Iterator
from pathlib import Path

from detector.cli.ends import Impossible
from detector.cli.office import Office
from detector.mail.headers import header_section
from detector.records.held_entries import ENDED, HeldDecision, HeldMessage, HeldSelection, HeldState
from detector.relay.dots import unstuffing
from detector.relay.held_files import HeldFiles
from detector.relay.held_keys import load_keys
from detector.relay.held_seal import Unreadable

SOME = 5
MOST_HEADERS = 262_144
ALL = 1_000_000


def chosen(office: Office, message: str, account: str, incident: str, fingerprint: str) -> HeldSelection:
    """Raises `Impossible` for an id that is none, or not the only one."""
    message_id = _completed(message, office.records.held_like(message, SOME + 1), "held message") if message else ""
    if incident:
        known = [one.incident_id for one in office.records.incidents_like(incident.lower(), SOME + 1)]
        incident = _completed(incident, known, "incident")
    return HeldSelection(message_id, account, incident, fingerprint)


def _completed(words: str, found: list[str], what: str) -> str:
    if words in found:
        return words
    if not found:
        msg = f"there is no {what} {words}"
        raise Impossible(msg)
    if len(found) > 1:
        msg = f"more than one {what} begins with {words}: {', '.join(found[:SOME])}"
        raise Impossible(msg)
    return found[0]


def the_message(office: Office, words: str) -> HeldMessage:
    """Raises `Impossible`."""
    if not words:  # as a script has it whose variable is empty
        raise Impossible("name a message: `detector held list` has their ids")
    message = office.records.held(chosen(office, words, "", "", "").message)
    if message is None:
        msg = f"held message {words} has just gone"
        raise Impossible(msg)
    return message


def listed(office: Office, selection: HeldSelection, everything: bool, limit: int) -> list[tuple[HeldMessage, bool]]:
    """Each with whether its file is missing, as far as that can be seen from here."""
    states = set(HeldState) if everything else set(HeldState) - ENDED
    found = office.records.find_held(selection, states, limit)
    here = _spool_here(office)
    directory = office.config.hold_directory
    return [(one, one.spool == here and not one.erased and not _file(directory, one).exists()) for one in found]


def decide(office: Office, selection: HeldSelection, decision: HeldDecision, reason: str) -> int:
    """How many messages it was about. Raises `Impossible` when nothing can be decided so."""
    if not str(selection):
        raise Impossible("say which: an id, --account, --incident or --fingerprint")
    if not office.records.count_held(selection, decision):
        raise Impossible(_why_not(office, selection, decision))
    return office.records.decide_held(selection, decision, office.actor, office.clock(), reason)


def _why_not(office: Office, selection: HeldSelection, decision: HeldDecision) -> str:
    found = office.records.find_held(selection, limit=ALL)
    if not found:
        return f"nothing is held of {selection}"
    states = ", ".join(sorted({one.state.value for one in found if not one.erased} or {"erased"}))
    if decision is HeldDecision.RELEASE and any(one.state is HeldState.IN_DOUBT for one in found):
        return f"{selection} is in doubt: it may have arrived; --again sends it all the same, `discard` gives it up"
    return f"{selection}: there is nothing to {decision.value}, the state is {states}"


# -- files --


def beginning(office: Office, message: HeldMessage) -> bytes:
    """The header section, empty when the file was erased after its end. Raises `Impossible`."""
    if message.erased:
        return b""
    octets = bytearray()
    for piece in _read(office, message):
        octets += piece
        if len(octets) >= MOST_HEADERS:
            break
    return header_section(bytes(octets))


def read_whole(office: Office, message: HeldMessage) -> bytes:
    """Raises `Impossible`."""
    return b"".join(_read(office, message))


def export_to(directory: Path, office: Office, selection: HeldSelection, reason: str) -> tuple[list[Path], list[str]]:
    """The files that were written, and what could not be read. Raises `Impossible`."""
    if not str(selection):
        raise Impossible("say which: an id, --account, --incident or --fingerprint")
    messages = [one for one in office.records.find_held(selection, limit=ALL) if not one.erased]
    if not messages:
        msg = f"nothing is held of {selection}"
        raise Impossible(msg)
    # First the audit log: whoever can read the export must be in it.
    office.records.audit(
        office.actor, "export held mail", str(selection), office.clock(), f"{len(messages)} messages: {reason}"
    )
    written, problems = [], []
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in messages:
            try:
                written.append(_write(directory / f"{message.message_id}.eml", _read(office, message)))
            except Impossible as error:
                problems.append(str(error))
    except OSError as error:
        msg = f"{directory}: {error.strerror}"
        raise Impossible(msg) from error
    return written, problems


def _write(path: Path, pieces: Iterator[bytes]) -> Path:
    """Nothing stays of a message that turns out to be damaged at its end.

    A file or a link that is there already is replaced, not written to: others might read it.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path


def rekey_all(office: Office) -> tuple[int, list[str]]:
    """How many files were encrypted anew, and what could not be. Raises `Impossible`."""
    files, done, problems = _files(office), 0, []
    for message_id in sorted(files.complete()):
        try:
            if files.rekey(message_id):
                office.records.held_rekeyed(message_id, files.keys.newest.key_id)
                done += 1
        except (Unreadable, OSError) as error:
            problems.append(f"{message_id}: {error}")
    office.records.audit(office.actor, "rekey held mail", files.keys.newest.key_id, office.clock(), f"{done} messages")
    return done, problems


def _read(office: Office, message: HeldMessage) -> Iterator[bytes]:
    """As the sender wrote it, under our own line. Raises `Impossible`."""
    if message.erased:
        msg = f"message {message.message_id} is {message.state.value}, and its file was erased"
        raise Impossible(msg)
    try:
        yield from unstuffing(_files(office).read(message.message_id))
    except Unreadable as error:
        elsewhere = message.spool != _spool_here(office)
        where = ": it is held on another host, ask there" if elsewhere else f": {error}"
        msg = f"message {message.message_id} cannot be read{where}"
        raise Impossible(msg) from error


def _files(office: Office) -> HeldFiles:
    config = office.config
    if not config.hold.keys and not config.hold_key.exists():
        msg = f"there is no {config.hold_key}: nothing was held on this host yet"
        raise Impossible(msg)
    return HeldFiles(config.hold_directory, load_keys(config))


def _spool_here(office: Office) -> str:
    try:
        return (office.config.hold_directory / "id").read_text("ascii").strip()
    except OSError:
        return ""


def _file(directory: Path, message: HeldMessage) -> Path:
    return directory / f"{message.message_id}.held"
