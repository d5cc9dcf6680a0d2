"""By what a campaign wants to be reached."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content import pivots as module
from detector.content.letter import Letter
from detector.content.pivots import MOST_PIVOTS, pivots
from detector.content.text import read
from detector.mail.written import Written
from tests.support.interpreted import interpreted

SOURCE = interpreted(module)


def letter(text: str, reply_to: str = "") -> Letter:
    made = EmailMessage()
    if reply_to:
        made["Reply-To"] = reply_to
    made.set_content(text)
    return read(Written.of(made.as_bytes()))


def of(text: str, reply_to: str = "") -> set[int]:
    return set(pivots(letter(text, reply_to)))


@pytest.mark.parametrize(("one", "other"), [
    ("https://a.example/in/8fA3 now", "go: https://a.example/in/9xYz?u=2"),
    ("http://k3f9.shop.example/x", "http://p7x1.shop.example/x"),
    ("call +49 (30) 1234-5678 today", "tel. 030 / 1234.5678"),
    ("pay to GB82 WEST 1234 5698 7654 32", "IBAN GB82WEST12345698765432."),
    ("send to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa please", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("+49 30 12345678", "x(030)12345678"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "wallet: 0x52908400098527886E0F7030069857D2E4169EE7"),
])  # fmt: skip
def test_the_same_way_to_reach_somebody_is_one_pivot(one: str, other: str) -> None:
    assert of(one) == of(other)
    assert len(of(one)) == 1


def test_where_answers_go_is_a_pivot() -> None:
    assert of("x", '"Ann" <ANN@a.example>') == of("y", "ann@a.example")


@pytest.mark.parametrize("text", [
    "meet on 2026-11-22 or 22.11.2026 at 10:30",
    "order 12345, total 1.234,56",
    "GB82 WEST 1234 5698 7654 33 has a wrong check digit",
    "no links at all",
])  # fmt: skip
def test_what_is_no_pivot(text: str) -> None:
    assert of(text) == set()


def test_the_number_of_pivots_is_bounded() -> None:
    text = " ".join(f"http://host{'x' * number}.example/" for number in range(100))
    assert len(of(text)) == MOST_PIVOTS


def test_numbers_are_found_at_both_ends_and_beside_others() -> None:
    both = of("+49 30 12345678\nGB82 WEST 1234 5698 7654 32")
    assert both == of("GB82 WEST 1234 5698 7654 32") | of("030 12345678")
    assert of("030 12345678-x") == of("030 123456789012345") == set()


@pytest.mark.skipif(not module.COMPILED, reason="NOT COMPILED: install a C compiler and run make")
@given(
    st.text("aAZ19 ()/.-+é`{@[", max_size=80)
    | st.lists(st.sampled_from(["GB82", "WEST", " ", "1234", "-"])).map("".join)
)
def test_machine_code_finds_what_stands_together_as_its_source_does(text: str) -> None:
    made = [(1, 1, 26), (2, 16, 12), (4, 8, 9), (4, 8, 2)]
    assert [bool(module.together(text, *one)) for one in made] == [bool(SOURCE.together(text, *one)) for one in made]


NUMBERS = st.sampled_from([
    "GB82 WEST 1234 5698 7654 32", "+49 30 12345678", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "0x", "0123456789abcdef",
    " ", "\n", "x", "-", "1", "A", ".",
])  # fmt: skip
TEXTS = st.text(alphabet="aA1 0x+()/.-@bcGBT\u0660", max_size=300) | st.lists(NUMBERS, max_size=20).map("".join)


@given(TEXTS)
def test_each_pivot_counts_once_however_often_it_is_named(text: str) -> None:
    found = pivots(letter(text))
    assert len(set(found)) == len(found) <= MOST_PIVOTS
    assert pivots(letter(f"{text}\n{text}")) == found


@pytest.mark.skipif(not module.COMPILED, reason="NOT COMPILED: install a C compiler and run make")
@given(TEXTS)
def test_machine_code_finds_the_pivots_that_its_source_does(text: str) -> None:
    assert pivots(letter(text)) == SOURCE.pivots(letter(text))
