"""Bounces without fields for programs: qmail, older Exim and Exchange, providers. Read as a person reads them.

An address at the beginning of a line, behind RCPT TO, or behind words like `the following recipients` is one that
failed; one elsewhere in a sentence about failure perhaps; the sender's, and those of postmasters, never.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from detector.mail.causes import cause_of, reply_code_in, status_in
from detector.mail.headers import Header
from detector.mail.status_codes import Cause
from detector.reports import wording
from detector.reports.delivery_status import LONGEST_DIAGNOSTIC, MOST_RECIPIENTS
from detector.reports.original import original_of
from detector.reports.parts import MOST_RETURNED, Pieces, first
from detector.reports.passed_on import passed_on
from detector.reports.values import Bounce, Failed

MOST_LINES = 400
LONGEST_LINE = 1000

_ADDRESS = re.compile(
    r"[\w!#$%&*+/=?^`{|}~-][\w!#$%&*+/=?^`{|}~.'-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,20}"
)
_AT_BEGINNING = re.compile(
    r"[ \t]*(?:[*>#-]+[ \t]+)?(?:[45]\d\d[ -](?:#?[45]\.\d\.\d+ )?)?[\[<\"']{0,2}(?P<address>"
    + _ADDRESS.pattern
    + r")[\]>\"']{0,2}(?P<after>.*)"
)
_NAMED = re.compile(
    r"(?:RCPT[ _]TO: ?|\brecipient(?: address)?:? *(?:\[?smtp:)?|\bto recipient |undeliverable +to |emailaddress\W{1,8}"
    r"|\bfinal-recipient: *rfc822; *|\bgenerated from |\bfailed recipient: *|\bcould not be delivered to:? *"
    r"|userid: ?|unknown user: ?|user unknown: ?|\b(?:message|mail|deliver(?:ed|y)?) to:? *)[<\"'(]{0,2}("
    + _ADDRESS.pattern
    + ")",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(
    r"following (?:\w{1,20} )?(?:address|recipient|destination|user|person)|(?:did|has) not (?:been )?reach"
    r"|(?:not|un\w{0,20}) (?:be |been |yet been )?(?:able to )?deliver\w{0,9}(?: [a-z]{1,20}){0,4}(?: to)?:?$"
    r"|recipients? of your|not delivered to:?$|message to:?$|addressed to|these recipients|malformed|incorrectly"
    r"|recipients? (?:could|have|has|was|were)|delivery errors|get through to",
    re.IGNORECASE,
)
_SENDER = re.compile(
    r"mail from:|\bfrom:|\bsender\b[^@]*$|\bsent by\b|envelope-from|^[\s*>-]*(?:to|cc|reply-to|subject):", re.IGNORECASE
)
_BEHIND_FROM = re.compile(r"\b(?:from|by):? ?[<\"(]*$", re.IGNORECASE)
_RECEIVED_FOR = re.compile(r"\bfor <?(" + _ADDRESS.pattern + ")>?")
_HELP = re.compile(
    r"contact|assist|help|please (?:send|e-?mail|forward|report)|questions|mailto:|https?://|reply to", re.IGNORECASE
)
_OFFICE = re.compile(r"(?:postmaster|mailer-daemon|abuse|hostmaster|helpdesk|support|noreply|no-reply)@", re.IGNORECASE)
# Sendmail and Exim, where an alias made it another: our customer wrote to the one before.
_EXPANDED = re.compile(r"\((?:expanded|ultimately generated|generated) from:? <?(" + _ADDRESS.pattern + ")")
_NAME_ONLY = re.compile(r"[ \t]+([\w.+-]{1,64})[ \t]*")

_OF_A_LIST = frozenset({b"list-id", b"list-post", b"x-beenthere", b"newsgroups", b"x-mailman-version"})

SURE, LIKELY, PERHAPS = 3, 2, 1


class _Candidate(Struct, frozen=True):
    """An address, how sure it is one that failed, and where its line begins in the text."""

    address: str
    rank: int
    place: int


def bounce(pieces: Pieces) -> Bounce | None:
    """None where it is none, or nobody can tell what it is about. It may name the message only, and no recipient."""
    said, returned = _split(pieces)
    lower = said.lower()
    if not _is_bounce(pieces, lower, returned):
        return None
    candidates = _best(pieces, said, returned)
    if not candidates:  # a report that wraps another one
        said = pieces.said
        candidates = [one for one in _candidates(said, "") if one.rank == SURE]
    original = original_of(pieces, returned, {})
    if not candidates and not original.message_id:
        return None
    final = not wording.says(lower, wording.DELAY)
    everything = f"{pieces.subject}\n{said}"
    general = cause_of(everything), status_in(everything)
    failed = [
        _failed(candidate.address, _passage(said, number, candidates), general, final)
        for number, candidate in enumerate(candidates[:MOST_RECIPIENTS])
    ]
    return Bounce(tuple(failed), original, left_out=max(0, len(candidates) - MOST_RECIPIENTS))


def from_daemon(pieces: Pieces) -> bool:
    """Whether the author is a program that delivers mail. A postmaster who passes a complaint on is a person."""
    by_name = wording.DAEMON.search(first(pieces.header, b"from"))
    return by_name is not None and wording.PASSED_ON.match(pieces.subject) is None


def _split(pieces: Pieces) -> tuple[str, Header]:
    """What is said before the returned message, and the header of that."""
    said = pieces.said
    below = wording.RETURNED_BELOW.search(said)
    begins = wording.HEADER_BEGINS.search(said, below.end() if below else 0)
    if begins is None and below is None:
        return said, pieces.returned
    cut = min(found.start() for found in (below, begins) if found is not None)
    returned = pieces.returned
    if not returned.written and begins is not None:
        inline = said[begins.start() :][:MOST_RETURNED].encode("utf-8", "replace")
        returned = Header.of(inline)
    return (said[:cut], returned) if said[:cut].strip() else (said, returned)


def _is_bounce(pieces: Pieces, lower: str, returned: Header) -> bool:
    if b"x-failed-recipients" in pieces.header.named:
        return True
    returns = bool(returned.written) or pieces.returns
    if from_daemon(pieces):
        return returns or wording.says(lower, wording.FAILURE_SAID) or cause_of(lower) is not Cause.OTHER
    if wording.says(pieces.subject.lower(), wording.AUTOMATIC_SUBJECT):  # also of an answer to a bounce
        return False
    looks_so = wording.says(passed_on(pieces).subject, wording.FAILURE_SUBJECT)  # and not the subject of the message
    return (looks_so or (returns and _comes_from_nobody(pieces.header))) and wording.says(lower, wording.FAILURE_SAID)


def _comes_from_nobody(header: Header) -> bool:
    return first(header, b"return-path") in {"<>", "<MAILER-DAEMON>"}


def _best(pieces: Pieces, said: str, returned: Header) -> list[_Candidate]:
    """The most certain addresses, each once; if the text has none, those of the header, or of the returned message."""
    ours = {address.lower() for name in (b"to", b"from") for address in _in_field(pieces.header, name)}
    found = list(_candidates(said, first(pieces.header, b"from")))
    foreign = [one for one in found if one.address.lower() not in ours and not _OFFICE.match(one.address)]
    sure = [one for one in found if one.rank == SURE]  # mail to oneself fails too
    pool = foreign if any(one.rank == SURE for one in foreign) else sure or foreign
    told = _in_field(pieces.header, b"x-failed-recipients")
    if told and not any(one.rank == SURE for one in pool):
        return [_Candidate(address, SURE, 0) for address in told]
    if not pool:
        back = _for(returned) or ([] if returned.named.keys() & _OF_A_LIST else _in_field(returned, b"to"))
        return [_Candidate(back[0], PERHAPS, 0)] if len(back) == 1 else []
    rank = max(one.rank for one in pool)
    once: dict[str, _Candidate] = {}
    for one in pool:
        if one.rank == rank:
            once.setdefault(one.address.lower(), one)
    return list(once.values())


def _in_field(header: Header, name: bytes) -> list[str]:
    return [match[0].rstrip(".") for value in header.values(name)[:20] for match in _ADDRESS.finditer(value[:4000])]


def _for(returned: Header) -> list[str]:
    """Whom the last server before the report had it for (RFC 5321 section 4.4)."""
    found = _RECEIVED_FOR.search(first(returned, b"received"))
    return [found[1]] if found else []


def _candidates(said: str, author: str) -> Iterator[_Candidate]:
    introduced = False
    last = ""
    place = 0
    for line in said.split("\n", MOST_LINES)[:MOST_LINES]:
        text = line[:LONGEST_LINE]
        if "@" in text:
            for address, rank in _in_line(text, introduced, last):
                yield _Candidate(address, rank, place)
        elif introduced and last and not last.startswith(" "):
            alone = _NAME_ONLY.fullmatch(text)
            if alone and "@" in author:
                yield _Candidate(f"{alone[1]}@{author.rpartition('@')[2].strip('> ')}", PERHAPS, place)
        introduced = introduced or _INTRODUCES.search(text) is not None
        last = text if text.strip() else last
        place += len(line) + 1


def _in_line(text: str, introduced: bool, last: str) -> Iterator[tuple[str, int]]:
    named = _NAMED.search(text)
    if named and not _HELP.search(text[: named.start()]):
        yield named[1].rstrip(".'"), LIKELY if "generated" in named[0].lower() else SURE
        return
    found = _AT_BEGINNING.match(text)
    if found and not _SENDER.search(last[-40:]):
        yield found["address"].rstrip(".'"), SURE if introduced or _ends_well(found["after"]) else LIKELY
        return
    if _SENDER.search(text) or _HELP.search(text):
        return
    rank = SURE if introduced and _INTRODUCES.search(text) else PERHAPS
    for match in _ADDRESS.finditer(text):
        if _BEHIND_FROM.search(text[: match.start()]):
            continue
        yield match[0].rstrip(".'"), rank


def _ends_well(after: str) -> bool:
    """What follows an address that heads a paragraph about it."""
    return not after.strip() or after.lstrip()[0] in ":;[.("


def _passage(said: str, number: int, candidates: list[_Candidate]) -> str:
    """From the address up to the next one, or to the end of its paragraph if that says anything."""
    start = candidates[number].place
    later = [one.place for one in candidates[number + 1 :] if one.place > start]
    passage = said[start : min([*later, start + LONGEST_DIAGNOSTIC])].strip()
    paragraph = passage.partition("\n\n")[0]
    return paragraph if "\n" in paragraph else passage


def _failed(address: str, passage: str, general: tuple[Cause, str], final: bool) -> Failed:
    """`general` are cause and status by the whole text: they hold where the passage about the address says nothing."""
    says_why = reply_code_in(passage) or status_in(passage) or len(passage) > len(address) + 10
    cause, status = (cause_of(passage), status_in(passage)) if says_why else general
    if cause is Cause.OTHER:
        cause = general[0]
    if cause is Cause.OTHER and not final:
        cause = Cause.TEMPORARY
    expanded = _EXPANDED.search(passage)
    original = expanded[1].rstrip(".'") if expanded else ""
    diagnostic = passage[:LONGEST_DIAGNOSTIC]
    return Failed(address, cause, status, diagnostic, original=original, final=final)
