"""Near-duplicates meet, different texts do not."""

import random

from detector.content.fingerprint import fingerprint
from detector.content.words import words

OFFER = (
    "We are pleased to inform you that your pending compensation has finally been approved by the committee, and that "
    "the first transfer can leave our office this week. To receive the whole amount you only have to send us your full "
    "name, postal address, telephone number and a copy of your passport. Please answer quickly because the period for "
    "claims ends soon, and unclaimed money returns to the government treasury without any further notice to owners."
)
LETTER = (
    "Thanks for the pleasant afternoon in your garden. The children still talk about the hedgehog behind the shed, "
    "and grandmother wants the recipe of the plum cake. I found the book that we were looking for: it was under the "
    "sofa all the time. Shall I bring it when we meet at the station, or does it have time until the choir rehearsal?"
)


def bands(text: str) -> set[int]:
    return set(fingerprint(words(text)).bands)


def changed(text: str, share: float, lots: random.Random) -> str:
    return " ".join(
        "".join(lots.choices("abcdefghij", k=7)) if lots.random() < share else word for word in text.split()
    )


def test_case_numbers_links_and_marks_make_no_difference() -> None:
    first = fingerprint(words(f"Dear customer 4711! {OFFER} http://a.example/x1"))
    second = fingerprint(words(f"DEAR  CUSTOMER 4712, {OFFER.upper()}\n\nhttp://b.example/y2"))
    assert first == second


def test_near_duplicates_share_a_band() -> None:
    lots = random.Random(1)
    met = [not bands(OFFER).isdisjoint(bands(changed(OFFER, 0.05, lots))) for _ in range(100)]
    assert sum(met) > 80


def test_a_tail_of_noise_does_not_hide() -> None:
    lots = random.Random(1)
    noise = [" ".join("".join(lots.choices("klmnopqrst", k=6)) for _ in range(8)) for _ in range(100)]
    assert sum(not bands(OFFER).isdisjoint(bands(f"{OFFER} {tail}")) for tail in noise) > 80


def test_different_texts_share_none() -> None:
    assert bands(OFFER).isdisjoint(bands(LETTER))


def test_short_texts_are_compared_only_as_a_whole() -> None:
    marked = fingerprint(words("See you tomorrow at noon, best wishes"))
    assert marked.bands == ()
    assert marked.exact == fingerprint(words("see you tomorrow, at noon! Best wishes")).exact


def test_fingerprints_are_the_same_on_every_host() -> None:
    assert fingerprint(words(OFFER)).exact == 0xBBB6975C65D07189
    assert len(bands(OFFER)) == 4
