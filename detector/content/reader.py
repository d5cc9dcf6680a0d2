"""Reads messages for the judge: each different body once, and compares it with the clean mail of all accounts."""

from collections import Counter, OrderedDict, deque

from msgspec.structs import replace

from detector.content.copies import copy_key
from detector.content.letter import Structure
from detector.content.look import Content as Look
from detector.content.look import look
from detector.content.mime import Message, parsed
from detector.content.model import TextModel, Usual
from detector.content.numbered import text_number
from detector.mail.content import Content
from detector.mail.headers import Header
from detector.mail.program import author_of, program_of
from detector.mail.written import Written

MOST_BODIES = 4096  # of about half a kilobyte
MOST_LEARNED = 20_000
# One account must not decide what is usual for all: at most twice its share of the latest texts, or ten of them.
LATEST, LEAST_SHARE, FAIR_SHARE = 100, 10, 2.0
# What is run or opened elsewhere: pages (HTML smuggling), programs, scripts, disk images.
OUTSIDE_OF_MAIL = frozenset(
    {
        "htm",
        "html",
        "shtml",
        "xhtml",
        "svg",
        "exe",
        "scr",
        "js",
        "vbs",
        "wsf",
        "hta",
        "lnk",
        "bat",
        "cmd",
        "jar",
        "iso",
        "img",
    }
)


class Reader:
    """Remembers the last bodies, so that the copies of a mailing cost a hash each.

    `usual` is the operator's own clean mail by and by: `learn` tells it of each clean text once. A model that breaks at
    run time makes the text evidence silent: `broken` counts how often, `fault` is why it was so last.
    """

    def __init__(self, model: TextModel, usual: Usual) -> None:
        self._model = model
        self.usual = usual
        self.broken = 0
        self.fault: Exception | None = None
        self._said: OrderedDict[int, Content] = OrderedDict()  # by the hash of `Message.said`
        self._copies: OrderedDict[int, Content] = OrderedDict()  # by `copy_key`
        self._learned: OrderedDict[int, None] = OrderedDict()
        self._authors: deque[str] = deque()
        self._texts_of: Counter[str] = Counter()

    def read(self, message: Written) -> Content:
        """What the message says."""
        copy = copy_key(message)
        return self.read_copy(message.header, copy) or self.read_parts(message.header, parsed(message), copy)

    def read_copy(self, header: Header, copy: int | None) -> Content | None:
        """The same, if another one with this `copy_key` was lately read."""
        said = self._copies.get(copy) if copy is not None else None
        if said is None:
            return None
        return replace(said, surprise=self._surprise(said.score), program=program_of(header), author=author_of(header))

    def read_parts(self, header: Header, parts: Message, copy: int | None) -> Content:
        """The same, where its parts are known."""
        octets, program, author = parts.said, program_of(header), author_of(header)
        try:
            said = self._look(hash(octets), parts)
            content = replace(said, surprise=self._surprise(said.score), program=program, author=author)
        except Exception as error:  # anything at all: who sent it, and by which program, is evidence all the same
            self.broken += 1
            self.fault = error
            return Content(text_number(octets), program=program, author=author)
        if copy is not None:
            _remember(self._copies, copy, said)
        return content

    def learn(self, content: Content, account: str) -> None:
        """A text of an account that nothing speaks against. Who writes most of the last hundred is not asked."""
        if content.score is None or content.text in self._learned:
            return
        if self._wrote(account) > max(LEAST_SHARE, FAIR_SHARE * len(self._authors) / len(self._texts_of)):
            return
        self._learned[content.text] = None
        if len(self._learned) > MOST_LEARNED:
            self._learned.popitem(last=False)
        self.usual = self.usual.update(content.score)

    def _wrote(self, account: str) -> int:
        """How many of the latest texts, with one more."""
        self._authors.append(account)
        self._texts_of[account] += 1
        if len(self._authors) > LATEST:
            earliest = self._authors.popleft()
            self._texts_of[earliest] -= 1
            if not self._texts_of[earliest]:
                del self._texts_of[earliest]
        return self._texts_of[account]

    def _look(self, key: int, message: Message) -> Content:
        said = self._said.get(key)
        if said is None:
            said = _content(look(message, self._model))
            _remember(self._said, key, said)
        return said

    def _surprise(self, score: float | None) -> float | None:
        return None if score is None else self.usual.surprise(score)


def _content(found: Look) -> Content:
    """What the message says, whoever sent it."""
    return Content(
        text=found.fingerprint.exact,
        bands=found.fingerprint.bands,
        sketch=found.fingerprint.sketch,
        pivots=found.pivots,
        score=found.text_score,
        odd=is_odd(found.structure),
    )


def _remember(said: OrderedDict[int, Content], key: int, content: Content) -> None:
    said[key] = content
    if len(said) > MOST_BODIES:
        said.popitem(last=False)


def is_odd(structure: Structure) -> bool:
    """A form to fill in, nothing but a picture, a link that names another host, or a page or program as attachment."""
    hidden_in = not OUTSIDE_OF_MAIL.isdisjoint(structure.attachments)
    return structure.form or structure.only_image or structure.misleading > 0 or hidden_in
