"""One look at a message: all that its content gives as evidence, in one value."""

from msgspec import Struct

from detector.content.fingerprint import Fingerprint
from detector.content.glance import glance
from detector.content.letter import Structure
from detector.content.mime import Message
from detector.content.model import TextModel
from detector.content.pivots import pivots
from detector.content.text import letter_of


class Content(Struct, frozen=True, gc=False):
    """`text_score` is None where there is too little to read; it means something only beside `Usual`."""

    text_score: float | None
    fingerprint: Fingerprint
    pivots: tuple[int, ...]
    structure: Structure


def look(message: Message, model: TextModel) -> Content:
    """Look at a message. Whatever the octets are, nothing is raised, and the time is bounded."""
    letter = letter_of(message)
    score, found = glance(letter, model)
    return Content(score, found, pivots(letter), letter.structure)
