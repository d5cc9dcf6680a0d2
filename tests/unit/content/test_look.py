"""One look at a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.look import look
from detector.content.mime import Message, parsed
from detector.content.model import TextModel, Usual
from detector.mail.written import Written
from detector.models import load_content
from tests.unit.content.test_mime import BROKEN

SPAM = (
    b"Subject: Your account\r\n\r\n"
    b"Your mailbox is full! Verify your password now or your account will be closed: http://a.example/in\r\n"
)
HAM = (
    b"Subject: Re: minutes\r\n\r\n"
    b"Thanks, I have read them. Shall we move the next meeting to Thursday, after the rehearsal?\r\n"
)


def parts_of(octets: bytes) -> Message:
    return parsed(Written.of(octets))


@pytest.fixture(scope="module")
def shipped() -> tuple[TextModel, Usual]:
    model, usual, _ = load_content()
    return model, usual


def test_the_shipped_model_tells_phishing_from_a_meeting(shipped: tuple[TextModel, Usual]) -> None:
    model, usual = shipped
    bad, good = look(parts_of(SPAM), model), look(parts_of(HAM), model)
    assert bad.text_score is not None
    assert good.text_score is not None
    assert usual.p(bad.text_score) < 0.01
    assert usual.p(good.text_score) > 0.2
    assert len(bad.pivots) == 1
    assert good.pivots == ()


@pytest.mark.parametrize("text", [
    "Können wir den Termin auf Donnerstag verschieben? Ich bin noch beim Kunden und melde mich danach.",
    "Bonjour, merci pour votre message. La réunion aura lieu mardi prochain dans la salle du premier étage.",
    "Buenos días, les enviamos el acta de la reunión del martes y las fotos de la excursión con los niños.",
    "Olá, segue em anexo a lista de compras para a festa de domingo, até lá e um abraço.",
    "Beste buren, zaterdag ruimen we samen de tuin op, voor koffie en taart wordt gezorgd.",
    "Drodzy sąsiedzi, w sobotę sprzątamy razem ogród, będzie kawa i ciasto.",
    "Hei kaikille, lauantaina siivotaan yhdessä piha, kahvia ja kakkua on tarjolla.",
    "Привет, давай перенесём встречу на четверг, я ещё у клиента и перезвоню вечером.",  # noqa: RUF001
])  # fmt: skip
def test_a_language_is_no_evidence(text: str, shipped: tuple[TextModel, Usual]) -> None:
    model, usual = shipped
    score = look(parts_of(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()), model).text_score
    assert score is not None
    assert usual.p(score) > 0.02


def test_too_little_to_read_has_no_score(shipped: tuple[TextModel, Usual]) -> None:
    assert look(parts_of(b"Subject: hi\r\n\r\nsee you\r\n"), shipped[0]).text_score is None


def test_the_fingerprint_is_of_the_own_words(shipped: tuple[TextModel, Usual]) -> None:
    one = look(parts_of(b"\r\nplease open the attached report\r\n> yesterday you wrote this\r\n"), shipped[0])
    other = look(parts_of(b"\r\nplease open the attached report\r\n> and somebody else wrote that\r\n"), shipped[0])
    assert one.fingerprint == other.fingerprint
    assert one.text_score != other.text_score


def test_a_quotation_alone_is_the_message(shipped: tuple[TextModel, Usual]) -> None:
    quoted = look(parts_of(b"\r\n> please open the attached report\r\n"), shipped[0])
    assert quoted.fingerprint == look(parts_of(b"\r\nplease open the attached report\r\n"), shipped[0]).fingerprint


@given(st.binary(max_size=300) | st.lists(BROKEN, max_size=40).map(b"".join))
def test_messages_with_one_key_look_the_same_whatever_their_octets(body: bytes) -> None:
    model, _, _ = load_content()
    one, other = parts_of(b"X-One: 1\r\n" + body), parts_of(b"X-Other: 2\r\n" + body)
    assert one.said == other.said
    assert look(one, model) == look(other, model)
