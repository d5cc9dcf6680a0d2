"""Reads messages for the judge: each different body once, and compares it with the clean mail of all accounts."""

from collections import OrderedDict
from hashlib import blake2b

from detector.content.look import Content as Look
from detector.content.look import look
from detector.content.model import TextModel, Usual
from detector.mail.content import Content
from detector.mail.headers import chosen
from detector.mail.program import author_of, program_of

MOST_BODIES = 4096  # of about half a kilobyte
MOST_LEARNED = 20_000
_OF_THE_TEXT = frozenset({"subject", "reply-to", "content-type", "content-transfer-encoding"})


class Reader:
    """Remembers the last bodies, so that the copies of a mailing cost a hash each.

    `usual` is the operator's own clean mail by and by: `learn` tells it of each clean text once. A model that breaks at
    run time makes the text evidence silent: `broken` counts how often.
    """

    def __init__(self, model: TextModel, usual: Usual) -> None:
        self._model = model
        self.usual = usual
        self.broken = 0
        self._looks: OrderedDict[bytes, Look] = OrderedDict()
        self._learned: OrderedDict[int, None] = OrderedDict()

    def read(self, body: bytes, section: bytes) -> Content:
        """What the message says. `body` begins with the header section; subject and Reply-To are read there."""
        found = self._look(body, section)
        score = found.text_score
        return Content(
            text=found.fingerprint.exact,
            bands=found.fingerprint.bands,
            pivots=found.pivots,
            score=score,
            surprise=None if score is None else self.usual.surprise(score),
            program=program_of(section),
            author=author_of(section),
        )

    def learn(self, content: Content) -> None:
        """A text of an account that nothing speaks against."""
        if content.score is None or content.text in self._learned:
            return
        self._learned[content.text] = None
        if len(self._learned) > MOST_LEARNED:
            self._learned.popitem(last=False)
        self.usual = self.usual.update(content.score)

    def _look(self, body: bytes, section: bytes) -> Look:
        digest = blake2b(body[len(section) :], digest_size=16)
        for _, value in chosen(section, _OF_THE_TEXT):
            digest.update(value.encode("utf-8", "surrogateescape") + b"\n")
        key = digest.digest()
        found = self._looks.get(key)
        if found is None:
            found = self._looks[key] = look(body, self._model)
            if len(self._looks) > MOST_BODIES:
                self._looks.popitem(last=False)
        return found
