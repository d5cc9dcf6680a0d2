"""The last different texts of an account: whether a text is new, and how many recipients it has had."""

from typing import Annotated

from msgspec import Meta, Struct

from detector.mail.content import Content
from detector.traffic.amounts import Amount, Number
from detector.traffic.clock import DAY
from detector.traffic.counters import decayed
from detector.traffic.sums import alike

MOST_TEXTS = 8
ALIKE = 0.5  # of the words: a template with other names and numbers, however short
_LOW = (1 << 32) - 1  # of the 64-bit numbers: among eight texts that is enough

Sketch = Annotated[bytes, Meta(max_length=32)]


class Text(Struct, frozen=True, array_like=True, gc=False):
    """`recipients` and `copies` (messages) forget half of their number in each day since `seen_at` (Unix seconds).

    `owners`: some copy came from where the account is at home, so the others are his too, wherever they come from.
    """

    text: Number
    sketch: Sketch
    recipients: Amount
    copies: Amount
    seen_at: Amount
    owners: bool = False


class Texts(Struct, frozen=True, array_like=True, gc=False):
    """Near-duplicates count as one text, or a random word at the end would make a new one of each message.

    >>> texts = Texts().add(Content(7), recipients=3, owners=True, now=0.0)
    >>> texts.recipients_of(Content(7), now=0.0), texts.recipients_of(Content(8), now=0.0)
    (3.0, None)
    """

    texts: tuple[Text, ...] = ()

    def has(self, text: Text) -> bool:
        """Whether this text, or one that it is a near-duplicate of, is among these; `text` is from later ones."""
        return text.text in [one.text for one in self.texts]

    def recipients_of(self, content: Content, now: float) -> float | None:
        """Who got the text so far, by time decay; None when it is a new one."""
        found = self._find(content.text, content.sketch)
        return None if found is None else decayed(found.recipients, DAY, now - found.seen_at)

    def add(self, content: Content, recipients: float, owners: bool, now: float) -> "Texts":
        """With a message to so many that were not counted yet; 0: it is another attempt, no other copy. It stands last.

        Of more than eight texts, the one that was not seen for longest is forgotten.
        """
        found = self._find(content.text, content.sketch)
        if found is None:
            new = Text(content.text & _LOW, content.sketch, float(recipients), 1.0, now, owners)
            return Texts((*self.texts, new)[-MOST_TEXTS:])
        elapsed = now - found.seen_at
        known = Text(
            found.text,
            found.sketch,
            decayed(found.recipients, DAY, elapsed) + recipients,
            decayed(found.copies, DAY, elapsed) + (recipients > 0),
            now,
            found.owners or owners,
        )
        return Texts((*[text for text in self.texts if text is not found], known))

    def owners(self, text: int, sketch: bytes) -> bool:
        """Whether such a text came from where the account is at home."""
        found = self._find(text, sketch)
        return found is not None and found.owners

    def _find(self, text: int, sketch: bytes) -> Text | None:
        texts, text = self.texts, text & _LOW
        place = alike(sketch, [one.sketch for one in texts], ALIKE * len(sketch))
        for one in texts if place < 0 else texts[:place]:
            if one.text == text:
                return one
        return None if place < 0 else texts[place]
