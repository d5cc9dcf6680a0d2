"""What the relay knows of accounts between two looks at the records."""

from detector.mail.transaction import Stream
from detector.records.book import Book
from detector.records.entries import Exemption, Standing
from detector.traffic.cohort import Cohort
from detector.traffic.counters import Counters
from detector.traffic.features import Tally
from detector.traffic.profile import Profile
from detector.verdict.declaration import Declaration

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


def test_who_keeps_a_declaration_is_let_through() -> None:
    book = Book()
    book.replace(Standing({}, {"ann": Exemption("ann", None, "me", "", recipients_per_day=100)}))
    busy = Profile(counters=Counters().add(Stream.PERSONAL, Tally(recipients=500), 50.0))
    assert book.lets_through("ann", Profile(), 50.0)
    assert not book.lets_through("ann", busy, 50.0)
    assert not book.lets_through("bob", Profile(), 50.0)


def test_an_exemption_ends_at_its_time() -> None:
    book = Book()
    book.replace(Standing({}, {"ann": Exemption("ann", 100.0, "me", ""), "bob": Exemption("bob", None, "me", "")}))
    assert [book.exempt("ann", 99.0), book.exempt("ann", 101.0), book.exempt("bob", 101.0)] == [True, False, True]
    assert not book.exempt("eve", 0.0)


def test_an_exemption_is_told_with_what_was_declared_as_long_as_it_holds() -> None:
    book, declared = Book(), Exemption("ann", 100.0, "olga", "shop", 200, 1000)
    book.replace(Standing({}, {"ann": declared}))
    assert book.exemption("ann", 99.0) == declared
    assert declared.declaration == Declaration(200, 1000)
    assert book.exemption("ann", 100.0) is None
    assert book.exemption("eve", 99.0) is None


def test_a_declaration_does_not_hold_while_the_account_is_blocked_and_an_exemption_from_everything_does() -> None:
    book = Book()
    declared, from_all = Exemption("ann", None, "olga", "shop", 200), Exemption("bob", None, "olga", "a false alarm")
    book.replace(Standing({"bob": "i2"}, {"ann": declared, "bob": from_all}))
    book.block("ann", "i1")
    assert book.exemption("ann", 0.0) is None
    assert book.exemption("bob", 0.0) == from_all


def test_a_cohort_is_what_a_person_assigned() -> None:
    book = Book()
    book.replace(Standing({}, {}, {"ann": Cohort.APPLICATION}))
    assert [book.cohort("ann"), book.cohort("bob")] == ["application", ""]


def test_what_another_process_says_is_a_block_until_the_records_know_it_and_can_lift_it() -> None:
    book = Book()
    book.hear("ann", 100.0)
    book.replace(NOBODY)  # they were read before the other one had written
    assert (book.blocked("ann"), book.blocked_count) == (True, 1)
    book.replace(Standing({"ann": "i1"}, {}))
    book.replace(NOBODY)
    assert not book.blocked("ann")


def test_what_the_records_never_confirm_is_forgotten() -> None:
    book = Book()
    book.hear("ann", 100.0)
    book.forget_hearsay(130.0, 30.0)
    assert book.blocked("ann")
    book.forget_hearsay(130.5, 30.0)
    assert not book.blocked("ann")


def test_a_clock_that_is_put_back_does_not_keep_what_was_only_heard() -> None:
    book = Book()
    book.hear("ann", 90_000.0)
    book.forget_hearsay(100.0, 30.0)
    assert book.blocked("ann")
    book.forget_hearsay(131.0, 30.0)
    assert not book.blocked("ann")


def test_what_is_known_already_is_no_hearsay() -> None:
    book = Book()
    book.block("ann", "i1")
    book.hear("ann", 100.0)
    book.saved("ann", "i1")
    book.replace(NOBODY)
    assert not book.blocked("ann")
