"""The cast of the demo behaves as its table says."""

from itertools import islice

from detector.cli.demo_world import CUSTOMERS, NOBODY, VICTIM, Thief, contacts


def test_one_in_four_of_the_thiefs_recipients_does_not_exist_and_none_comes_twice() -> None:
    letters = list(islice(Thief().letters(), 10))
    recipients = [one for letter in letters for one in letter.recipients]
    assert len(set(recipients)) == len(recipients) == 200
    assert sum(one.startswith(NOBODY) for one in recipients) == 50
    assert all(letter.stolen and letter.account == VICTIM.account for letter in letters)
    assert not {letter.client for letter in letters} & {customer.client for customer in CUSTOMERS}


def test_customers_mostly_write_to_people_they_know() -> None:
    for customer in CUSTOMERS:
        for number in range(1, 40):
            letter = customer.letter(number)
            strangers = set(letter.recipients) - set(customer.friends)
            assert bool(strangers) == bool(customer.new_after and number % customer.new_after == 0)
            assert len(set(letter.recipients)) == len(letter.recipients)
            assert not letter.stolen


def test_no_customer_is_told_at_the_hijacked_mailbox() -> None:
    assert len(contacts()) == len(CUSTOMERS)
    assert all(account != address for account, address in contacts().items())


def test_a_letter_has_crlf_line_ends_and_a_header() -> None:
    content = VICTIM.letter(1).content("id-1")
    assert content.endswith(b"\r\n")
    assert content.replace(b"\r\n", b"").count(b"\n") == 0
    assert b"Message-ID: <id-1@" in content.partition(b"\r\n\r\n")[0]
