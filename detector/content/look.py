"""One look at a message: all that its content gives as evidence, in one value."""

from msgspec import Struct

from detector.content.fingerprint import Fingerprint, fingerprint
from detector.content.model import TextModel
from detector.content.pivots import pivots
from detector.content.text import Letter, Structure, read
from detector.content.words import Hashes, Words, features, words
from detector.mail.written import Written


class Content(Struct, frozen=True, gc=False):
    """`text_score` is None where there is too little to read; it means something only beside `Usual`."""

    text_score: float | None
    fingerprint: Fingerprint
    pivots: tuple[int, ...]
    structure: Structure


LEAST_WORDS = 5


def look(message: Written, model: TextModel) -> Content:
    """Look at a message. Whatever the octets are, nothing is raised, and the time is bounded."""
    letter = read(message)
    found = words_of(letter)
    score = model.score(features_of(found)) if len(found) >= LEAST_WORDS else None
    # What somebody wrote above a long quotation is his own; a quotation alone is the message.
    own = found.part(1) if found.ends[0] < found.ends[1] else found
    return Content(score, fingerprint(own), pivots(letter), letter.structure)


def words_of(letter: Letter) -> Words:
    """Three texts: the subject, the sender's own words, and what is quoted."""
    return words(letter.subject, letter.text, letter.quoted)


def features_of(found: Words) -> Hashes:
    """What the model reads of the words of a letter."""
    return features(found, titled=found.ends[0])
