from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.content import Content
from detector.mail.transaction import UNKNOWN, Identity, Recipient, RecipientStatus, Stream, Transaction


def test_nobody_is_not_a_trusted_account() -> None:
    assert not UNKNOWN.known
    assert not UNKNOWN.trusted
    assert Identity("ann@example.org", "xclient", trusted=True).known


def test_a_recipient_that_was_never_asked_has_no_reply() -> None:
    assert Recipient(Address("bob", "example.net"), RecipientStatus.PACED).reply == ""


def build() -> Transaction:
    return Transaction(
        transaction_id="1",
        message_key="1",
        identity=UNKNOWN,
        client="198.51.100.7",
        helo="pc.example",
        mail_from=Address("ann", "example.org"),
        recipients=(Recipient(Address("bob", "example.net"), RecipientStatus.ACCEPTED, "2.1.5"),),
        stream=Stream.PERSONAL,
        received_at=0.0,
        size_bytes=3,
    )


def test_equal_transactions_are_equal_values() -> None:
    assert build() == build()
    assert len({build(), build()}) == 1


def test_what_is_read_of_a_message_and_its_recipients_is_all_that_changes() -> None:
    content = Content(7)
    assert build().read((), content) == replace(build(), recipients=(), content=content)
