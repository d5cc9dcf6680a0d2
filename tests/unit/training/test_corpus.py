"""Corpora become examples without the marks of where they come from."""

import gzip
import json
from pathlib import Path
from zlib import crc32

import pytest

from detector.content.text import read
from detector.content.words import features, words
from detector.mail.written import Written
from detector.training.corpus import KEPT_APART, cleaned, corpus_of, distinct, examples, lures


def written(path: Path, raws: list[str], form: str = "rfc822") -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for number, raw in enumerate(raws):
            record = {"id": f"{path.stem}/{number}", "label": "ham", "lang": "en", "form": form, "raw": raw}
            file.write(json.dumps(record) + "\n")
    return path


def test_every_third_message_is_kept_apart(tmp_path: Path) -> None:
    path = written(tmp_path / "made-up.ham.jsonl.gz", [f"Subject: x\n\ntext number {number}\n" for number in range(90)])
    found = list(examples(path))
    assert 45 < len(found) < 75
    assert all(crc32(one.identifier.encode()) % KEPT_APART for one in found)
    assert {(one.corpus, one.family, one.spam) for one in found} == {("made-up.ham", "made", False)}


def test_a_subject_may_stand_above_the_text_at_once(tmp_path: Path) -> None:
    raws = ["Subject: gas\nplease call me\n"] * 6
    found = next(examples(written(tmp_path / "e.jsonl.gz", raws, "subject+body")))
    assert found.features.tolist() == features(words("gas", "please call me"), titled=1).tolist()


@pytest.mark.parametrize(("raw", "subject", "text"), [
    ("Subject: Re: [R] plot\n\nhello\n", "plot", "hello\n"),
    ("Subject: [Inheritance] money\n\nhello\n\n______________________\nlist footer\n", "money", "hello\n"),
    ("Subject: to phishing@pot\n\nDear phishing@pot\n", "to customer", "Dear customer\n"),
    ("Subject: re : i ' m\n\nsee http : / / www . a . com or ann @ a . com , don ' t\n", "i'm", "see   or   , don't\n"),
    ("Subject: x\n\nhello\nA non-text attachment was scrubbed...\n", "x", "hello\n\n"),
])  # fmt: skip
def test_marks_of_the_origin_are_gone(raw: str, subject: str, text: str) -> None:
    letter = cleaned(read(Written.of(raw.encode())))
    assert (letter.subject, letter.text) == (subject, text)


def test_near_duplicates_are_one_example(tmp_path: Path) -> None:
    text = " ".join(f"word{'abcdefghijklmnopqrstuvwxyz'[number]}" for number in range(26))
    raws = [f"Subject: x\n\n{text} {number}\n" for number in range(20)]
    assert len(distinct(examples(written(tmp_path / "d.jsonl.gz", raws)))) == 1


def test_our_own_sentences_are_of_both_kinds_in_several_languages() -> None:
    found = list(lures())
    themes = {one.identifier.split("/")[1] for one in found}
    languages = {(theme.split()[0], theme.split()[1]) for theme in themes}
    assert {("spam", "en"), ("ham", "en"), ("spam", "de"), ("ham", "de"), ("spam", "fr"), ("ham", "fr")} <= languages
    assert {language for label, language in languages if label == "spam"} == {
        language for label, language in languages if label == "ham"
    }


def test_our_own_sentences_are_read_as_mail_is() -> None:
    """Without accents, as `detector.content.text.read` leaves them."""
    german = {number for one in lures() if " de " in one.identifier for number in one.features.tolist()}
    assert features(words("konnen"))[0] in german
    assert features(words("können"))[0] not in german


def test_each_of_our_own_sentences_stands_once() -> None:
    single = [one.fingerprint.exact for one in lures() if one.identifier.endswith("/1")]
    assert len(single) == len(set(single))


def test_a_corpus_is_called_by_its_file() -> None:
    assert corpus_of(Path("x/enron-spam-1-4.ham.jsonl.gz")) == "enron-spam-1-4.ham"
