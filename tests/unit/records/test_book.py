"""What the relay knows of accounts between two looks at the records."""

from detector.records.book import Book
from detector.records.entries import Exemption, Standing

NOBODY = Standing({}, {})


def test_a_block_holds_before_the_records_know_it() -> None:
    book = Book()
    book.block("ann", "i1")
    book.replace(NOBODY)
    assert book.blocked("ann")
    assert book.blocked_count == 1


def test_once_the_records_know_a_block_they_can_lift_it() -> None:
    book = Book()
    book.block("ann", "i1")
    book.saved("ann", "i1")
    assert book.blocked("ann")
    book.replace(NOBODY)
    assert not book.blocked("ann")


def test_an_exemption_ends_at_its_time() -> None:
    book = Book()
    book.replace(Standing({}, {"ann": Exemption("ann", 100.0, "me", ""), "bob": Exemption("bob", None, "me", "")}))
    assert [book.exempt("ann", 99.0), book.exempt("ann", 101.0), book.exempt("bob", 101.0)] == [True, False, True]
    assert not book.exempt("eve", 0.0)
