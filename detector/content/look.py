"""One look at a message: all that its content gives as evidence, in one value."""

from dataclasses import dataclass

from detector.content.fingerprint import Fingerprint, fingerprint
from detector.content.model import TextModel
from detector.content.pivots import pivots
from detector.content.text import Letter, Structure, read
from detector.content.words import APART, STEM, words


@dataclass(frozen=True, slots=True)
class Content:
    """`text_score` is None where there is too little to read; it means something only beside `Usual`."""

    text_score: float | None
    fingerprint: Fingerprint
    pivots: tuple[int, ...]
    structure: Structure


LEAST_WORDS = 5


def look(body: bytes, model: TextModel) -> Content:
    """Look at a message as it was sent. Whatever the octets are, nothing is raised, and the time is bounded."""
    letter = read(body)
    own = words(letter.text)
    seen = _with_context(letter, own)
    score = model.score([*_titled(letter), *seen]) if len(seen) >= LEAST_WORDS else None
    # What somebody wrote above a long quotation is his own; a quotation alone is the message.
    return Content(score, fingerprint(own or seen), pivots(letter), letter.structure)


def words_of(letter: Letter) -> list[str]:
    """What the model reads: the subject's stems as such, then subject and own words, and what is quoted last."""
    return [*_titled(letter), *_with_context(letter, words(letter.text))]


def _titled(letter: Letter) -> list[str]:
    # In a subject a word says what the message is about, and "free" or "account" weighs otherwise than further down.
    return [f"{APART}{word[:STEM]}" for word in words(letter.subject)]


def _with_context(letter: Letter, own: list[str]) -> list[str]:
    return [*words(letter.subject), *own, *words(letter.quoted)]
