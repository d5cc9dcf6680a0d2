"""A reader looks at each different body once, learns each clean text once, and outlives a model that breaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.content import reader as reader_room
from detector.content.letter import Structure
from detector.content.look import Content as Look
from detector.content.look import look
from detector.content.mime import Message
from detector.content.model import TextModel, Usual
from detector.content.reader import LATEST, LEAST_SHARE, Reader, is_odd
from detector.content.words import features, words
from detector.mail.content import Content
from detector.mail.written import Written

LETTER = "We meet on {day} at noon in the old town hall, please bring the minutes of the last meeting with you."
LURE = "Your mailbox is full, so please verify your password within twenty hours or the account will be closed."


class BrokenModel(TextModel):
    """Raises for each text."""

    def score_of(self, total: float, count: int) -> float:
        raise FloatingPointError(total, count)


def model_of(kind: type[TextModel] = TextModel) -> TextModel:
    """Knows one word of a lure."""
    weights: NDArray[np.float32] = np.array([9.0], np.float32)
    return kind(np.array(features(words("password")), np.uint32), weights, -2.0)


def new_reader(kind: type[TextModel] = TextModel) -> Reader:
    return Reader(model_of(kind), Usual.of([-2.0] * 99 + [4.0], 1000.0))


def mail(text: str, *, to: str = "bob@a.example", subject: str = "Hello", more: str = "") -> bytes:
    header = f"From: Ann <ann@customer.example>\r\nTo: {to}\r\nSubject: {subject}\r\n{more}"
    return f"{header}\r\n{text}\r\n".encode()


def read(reader: Reader, body: bytes) -> Content:
    return reader.read(Written.of(body))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What was looked at."""
    seen: list[Message] = []

    def noted(message: Message, model: TextModel) -> Look:
        seen.append(message)
        return look(message, model)

    monkeypatch.setattr(reader_room, "look", noted)
    return seen


def test_the_copies_of_a_mailing_are_looked_at_once(looks: list[Message]) -> None:
    reader = new_reader()
    copies = [read(reader, mail(LETTER, to=f"user{number}@a.example")) for number in range(20)]
    assert len(looks) == 1
    assert len(set(copies)) == 1


def with_attachment(edge: str, octets: str, name: str = "report.pdf") -> bytes:
    kind = f'Content-Type: multipart/mixed; boundary="{edge}"\r\n'
    attached = f'Content-Type: application/pdf; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n{octets}'
    return mail(f"--{edge}\r\n\r\n{LETTER}\r\n--{edge}\r\n{attached}\r\n--{edge}--", more=kind)


def test_the_copies_of_a_mailing_may_differ_in_boundaries_and_in_what_is_attached(looks: list[Message]) -> None:
    reader = new_reader()
    copies = [read(reader, with_attachment(f"edge{number}", f"AAA{number}")) for number in range(9)]
    assert len(looks) == 1
    assert len(set(copies)) == 1


def test_what_is_attached_under_another_name_is_another_message(looks: list[Message]) -> None:
    reader = new_reader()
    pdf, page = (read(reader, with_attachment("edge", "AAAA", name)) for name in ("report.pdf", "report.html"))
    assert len(looks) == 2
    assert (pdf.odd, page.odd) == (False, True)


def test_another_subject_is_another_message(looks: list[Message]) -> None:
    reader = new_reader()
    for subject in ("Hello", "Urgent", "Hello"):
        read(reader, mail(LETTER, subject=subject))
    assert len(looks) == 2


def test_of_bodies_a_bounded_number_is_remembered(looks: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_room, "MOST_BODIES", 2)
    reader = new_reader()
    for day in ("Monday", "Tuesday", "Friday", "Friday", "Monday"):
        read(reader, mail(LETTER.format(day=day)))
    assert len(looks) == 4


def test_a_lure_is_more_surprising_than_a_letter() -> None:
    reader = new_reader()
    lure, letter = read(reader, mail(LURE)), read(reader, mail(LETTER))
    assert lure.surprise is not None
    assert letter.surprise is not None
    assert lure.surprise > letter.surprise


def test_near_duplicates_share_bands_and_most_of_the_sketch() -> None:
    reader = new_reader()
    one, other = (read(reader, mail(LETTER.format(day=day))) for day in ("Monday", "Tuesday"))
    lure = read(reader, mail(LURE))
    assert one.text != other.text
    alike, unlike = (sum(a == b for a, b in zip(one.sketch, two.sketch, strict=True)) for two in (other, lure))
    assert alike >= len(one.sketch) / 2 > unlike


def test_what_the_header_says_of_the_sender_is_read_each_time() -> None:
    reader = new_reader()
    mailers = [read(reader, mail(LETTER, more=f"X-Mailer: {name}\r\n")) for name in ("Post 1.0", "Robot 2.0")]
    assert mailers[0].text == mailers[1].text
    assert mailers[0].program != mailers[1].program
    assert mailers[0].author == "ann@customer.example"


def test_too_little_text_has_no_score() -> None:
    content = read(new_reader(), mail("ok"))
    assert (content.score, content.surprise) == (None, None)


def test_a_clean_text_is_learned_once_however_often_it_is_sent() -> None:
    reader = new_reader()
    content = read(reader, mail(LURE))
    before = sum(reader.usual.counts)
    for _ in range(50):
        reader.learn(content, "ann")
    assert sum(reader.usual.counts) == pytest.approx(before + 1)


def test_what_many_clean_texts_say_is_less_surprising() -> None:
    reader = new_reader()
    before = read(reader, mail(LURE)).surprise
    for number in range(200):
        text = f"{LURE} word{chr(97 + number % 20)}{chr(97 + number // 20)}"
        reader.learn(read(reader, mail(text)), f"user{number % 20}")
    after = read(reader, mail(LURE)).surprise
    assert sum(reader.usual.counts) == pytest.approx(1200.0)
    assert before is not None
    assert after is not None
    assert after < before


def test_a_text_without_score_teaches_nothing() -> None:
    reader = new_reader()
    before = reader.usual
    reader.learn(read(reader, mail("ok")), "ann")
    assert reader.usual is before


def test_of_learned_texts_a_bounded_number_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_room, "MOST_LEARNED", 2)
    reader = new_reader()
    before = sum(reader.usual.counts)
    for text in (1, 2, 3, 3, 1):
        reader.learn(Content(text, score=0.0), "ann")
    assert sum(reader.usual.counts) == pytest.approx(before + 4)


def learned(reader: Reader, authors: list[str]) -> list[str]:
    """By whom the texts are that were learned, of one new text by each of the authors."""
    taught = []
    for number, account in enumerate(authors):
        before = reader.usual
        reader.learn(Content(number, score=0.0), account)
        if reader.usual is not before:
            taught.append(account)
    return taught


def test_an_account_that_writes_more_than_twice_its_share_teaches_no_more() -> None:
    others = [f"user{number}" for number in range(50)]
    assert learned(new_reader(), others + ["ann"] * 50).count("ann") == LEAST_SHARE


def test_accounts_that_write_alike_all_teach_however_few_they_are() -> None:
    authors = ["ann", "bob"] * 100
    assert learned(new_reader(), authors) == authors


def test_an_account_teaches_again_when_others_have_written_a_hundred_texts() -> None:
    reader = new_reader()
    others = [f"user{number}" for number in range(50)]
    learned(reader, others + ["ann"] * 50)
    for number in range(LATEST):
        reader.learn(Content(1000 + number, score=0.0), others[number % 50])
    before = reader.usual
    reader.learn(Content(2000, score=0.0), "ann")
    assert reader.usual is not before


def test_a_model_that_breaks_is_silent_and_counted_and_the_sender_is_known_all_the_same() -> None:
    reader = new_reader(BrokenModel)
    content = read(reader, mail(LETTER))
    assert (content.score, content.surprise, content.bands) == (None, None, ())
    assert content.author == "ann@customer.example"
    assert reader.broken == 1
    assert isinstance(reader.fault, FloatingPointError)
    assert read(reader, mail(LETTER)).text == content.text != read(reader, mail(LURE)).text


@given(st.binary(max_size=200))
def test_any_octets_are_read(octets: bytes) -> None:
    reader = new_reader()
    content = read(reader, octets)
    assert content == read(reader, octets)
    assert reader.broken == 0


@pytest.mark.parametrize(
    ("structure", "odd"),
    [
        (Structure(), False),
        (Structure(html=True, images=3, hidden=500, attachments=("pdf", "docx", "ics")), False),
        (Structure(form=True), True),
        (Structure(only_image=True, images=1), True),
        (Structure(misleading=1), True),
        (Structure(attachments=("pdf", "html")), True),
        (Structure(attachments=("iso",)), True),
    ],
)
def test_what_is_built_as_abuse_often_is_is_odd(structure: Structure, odd: bool) -> None:
    assert is_odd(structure) is odd
