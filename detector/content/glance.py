"""Score and fingerprint of a letter: by the compiled kernel where there is one, else by arrays. Both say the same."""

from detector.content import kernel
from detector.content.fingerprint import Fingerprint, fingerprint, of_octets
from detector.content.letter import Letter
from detector.content.model import TextModel
from detector.content.words import Hashes, Words, features, simple, words

Glance = tuple[float | None, Fingerprint]

LEAST_WORDS = 5
MOST_SIMPLE = 5400  # characters of three texts: with a blank beside each sign fewer than `words.LONGEST`
_UNIT = 2.0**-24


def glance(letter: Letter, model: TextModel) -> Glance:
    """The score is None where there is too little to read."""
    seen = by_kernel(letter, model) if kernel.COMPILED else None
    return by_arrays(letter, model) if seen is None else seen


def by_kernel(letter: Letter, model: TextModel) -> Glance | None:
    """None where there is so much text that `words` would cut it: it has other letters than ASCII, and long ones."""
    texts = [simple(letter.subject), simple(letter.text), simple(letter.quoted)]
    if sum([len(text) for text in texts]) > MOST_SIMPLE:
        return None
    count, total, asked, exact, different, bands, sketch = kernel.see(texts, *model.octets)
    score = model.score_of(total * _UNIT, asked) if count >= LEAST_WORDS else None
    return score, of_octets(exact, different, bands, sketch)


def by_arrays(letter: Letter, model: TextModel) -> Glance:
    """The same with numpy, as in training."""
    found = words_of(letter)
    score = model.score(features_of(found)) if len(found) >= LEAST_WORDS else None
    # What somebody wrote above a long quotation is his own; a quotation alone is the message.
    own = found.part(1) if found.ends[0] < found.ends[1] else found
    return score, fingerprint(own)


def words_of(letter: Letter) -> Words:
    """Three texts: the subject, the sender's own words, and what is quoted."""
    return words(letter.subject, letter.text, letter.quoted)


def features_of(found: Words) -> Hashes:
    """What the model reads of the words of a letter."""
    return features(found, titled=found.ends[0])
