"""Labelled messages for training, freed of what tells only where they come from."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self
from zlib import crc32

from msgspec.structs import replace

from detector.content.fingerprint import Fingerprint, fingerprint
from detector.content.folding import folded
from detector.content.glance import features_of, words_of
from detector.content.letter import Letter
from detector.content.text import read
from detector.content.words import Hashes
from detector.mail.written import NOTHING, Written

# CC BY-NC: may be evaluated with, but nothing that is shipped may have learnt from it.
NEVER_TRAINED = "phishing_pot"
OUR_OWN = "lures"
KEPT_APART = 3  # every third message is never trained on: others judge the result with it
TRAINED_LANGUAGES = ("en", "und")  # ham in others is too scarce to learn that they are no evidence

_LIST_TAG = re.compile(r"\[[A-Za-z][\w .&:/+-]{0,30}\]\s*")
_REPLY = re.compile(r"^\s*((re|fwd?|aw|sv|antw)\s*:\s*)+", re.IGNORECASE)
_FOOTER = re.compile(
    r"\n_{20,}\s*\n.*|\n-{2,}\s*next part\s*-{2,}.*|\n-+ ?\n(?:R-\w+|ImageJ|To unsubscribe|Yahoo).*"
    r"|\n-{20,}\s*\n.*(?:mailing list|sourceforge|unsubscribe).*",
    re.DOTALL | re.IGNORECASE,
)
_MARKS = re.compile(r"phishing@pot\b[\w.]*|\bphishing[ _-]?pot\b", re.IGNORECASE)
_SCRUBBED = re.compile(
    r"^.*(?:attachment was scrubbed|HTML attachment|non-text attachment).*$", re.MULTILINE | re.IGNORECASE
)
# Enron-Spam and Ling-Spam put blanks around every mark.
_TOKENISED_LINK = re.compile(r"\b(?:https? : / /|www \.) \S+(?: [./] \S+)*|\b[\w.-]+ @ [\w-]+(?: \. [\w-]+)*")
_TOKENISED_APOSTROPHE = re.compile(r"(\w) ' (s|t|re|ve|ll|d|m)\b")


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A message to learn from, or to be judged. `family` are corpora that share a source and its habits."""

    identifier: str
    spam: bool
    corpus: str
    language: str
    features: Hashes
    fingerprint: Fingerprint

    @classmethod
    def of(cls, identifier: str, spam: bool, corpus: str, language: str, letter: Letter) -> Self:
        """Read as `detector.content.look` reads."""
        found = words_of(letter)
        return cls(identifier, spam, corpus, language, features_of(found), fingerprint(found))

    @property
    def family(self) -> str:
        return re.split(r"[-.]", self.corpus)[0]


def corpus_of(path: Path) -> str:
    return path.name.removesuffix(".jsonl.gz")


def examples(path: Path) -> Iterator[Example]:
    """The messages of a corpus file (one JSON object a line) that are not kept apart."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if crc32(record["id"].encode()) % KEPT_APART:
                yield _example(record, corpus_of(path))


def lures() -> Iterator[Example]:
    """Texts of our own sentences: each run of one to four that follow each other within a theme."""
    themes: dict[str, list[str]] = {}
    source = files("detector.training").joinpath("lures.txt").read_text("utf-8")
    for line in source.splitlines():
        if line and not line.startswith("#"):
            theme, _, sentence = line.partition(" | ")
            themes.setdefault(theme, []).append(sentence)
    for theme, sentences in themes.items():
        for first in range(len(sentences)):
            for count in range(1, min(4, len(sentences)) + 1):
                text = " ".join((sentences + sentences)[first : first + count])
                letter = Letter("", folded(text), "", (), "", read(NOTHING).structure)
                name = f"{OUR_OWN}/{theme}/{first}/{count}"
                yield Example.of(name, theme.startswith("spam"), OUR_OWN, "und", letter)


def distinct(found: Iterable[Example]) -> list[Example]:
    """The first by name of each cluster of near-duplicates of one label, in order of names."""
    seen: set[tuple[bool, int]] = set()
    kept = []
    for example in sorted(found, key=lambda one: one.identifier):
        mark = example.fingerprint
        keys = {(example.spam, number) for number in (mark.exact, *mark.bands)}
        if seen.isdisjoint(keys):
            kept.append(example)
        seen |= keys
    return kept


def _example(record: dict[str, str], corpus: str) -> Example:
    raw = record["raw"].encode("latin-1")
    if record["form"] == "subject+body":  # a subject line, and then the text at once
        raw = raw.replace(b"\n", b"\n\n", 1)
    letter = cleaned(read(Written.of(raw)))
    return Example.of(record["id"], record["label"] == "spam", corpus, record["lang"], letter)


def cleaned(letter: Letter) -> Letter:
    """Without list tags and footers, the marks of collectors, and what tokenising did to links."""
    subject = _REPLY.sub("", _LIST_TAG.sub("", _detokenised(_MARKS.sub("customer", letter.subject))))
    text = _SCRUBBED.sub("", _FOOTER.sub("", _MARKS.sub("customer", letter.text)))
    return replace(letter, subject=subject, text=_detokenised(text))


def _detokenised(text: str) -> str:
    return _TOKENISED_APOSTROPHE.sub(r"\1'\2", _TOKENISED_LINK.sub(" ", text))
