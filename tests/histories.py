"""Arbitrary histories of an account, for properties that must hold whatever it does."""

from hypothesis import strategies as st

from detector.mail.address import Address
from detector.mail.content import Content
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction

IDENTITY = Identity("ann", "test", trusted=True)

addresses = st.builds(Address, st.text(min_size=1, max_size=4), st.sampled_from([f"d{n}.example" for n in range(8)]))
recipients = st.builds(
    Recipient,
    addresses,
    st.sampled_from(RecipientStatus),
    st.sampled_from(["", "5.1.1", "550", "5.7.1", "5.5.1", "4.2.1"]),
)
surprises = st.one_of(st.none(), st.floats(min_value=0.0, max_value=14.0))
contents = st.builds(
    Content,
    text=st.integers(min_value=0, max_value=2**64 - 1),
    bands=st.lists(st.integers(min_value=0, max_value=20), max_size=4).map(tuple),
    sketch=st.one_of(st.just(b""), st.sampled_from([bytes(16), bytes(8) + b"another ", b"a text like none"])),
    surprise=surprises,
    accomplices=st.floats(min_value=0.0, max_value=20.0),
    program=st.sampled_from(["", "a telephone", "a computer", "a robot"]),
    author=st.sampled_from(["", "ann@customer.example", "bank@bank.example"]),
)
transactions = st.builds(
    Transaction,
    transaction_id=st.just("t"),
    message_key=st.text(max_size=3),
    identity=st.just(IDENTITY),
    client=st.sampled_from(["", "unknown", "2001:db8::1", *(f"192.0.{n}.1" for n in range(40))]),
    helo=st.just("pc"),
    mail_from=st.one_of(st.just(Address("", "")), addresses),
    recipients=st.lists(recipients, max_size=12).map(tuple),
    stream=st.sampled_from(Stream),
    received_at=st.floats(min_value=0, max_value=4e9),
    content=st.one_of(st.none(), contents),
)


def transaction(
    number: int,
    recipients: list[tuple[str, RecipientStatus]] | None = None,
    *,
    client: str = "192.0.2.7",
    mail_from: str = "ann@customer.example",
    stream: Stream = Stream.PERSONAL,
    reply: str = "5.1.1",
    content: Content | None = None,
) -> Transaction:
    """A transaction of message `number`, to one accepted recipient unless told otherwise."""
    asked = recipients or [(f"user{number}@domain{number % 9}.example", RecipientStatus.ACCEPTED)]
    return Transaction(
        transaction_id=f"t{number}",
        message_key=f"<{number}@customer.example>",
        identity=IDENTITY,
        client=client,
        helo="pc.customer.example",
        mail_from=Address.parse(mail_from),
        recipients=tuple(
            Recipient(Address.parse(text), status, reply if status is RecipientStatus.REFUSED else "")
            for text, status in asked
        ),
        stream=stream,
        received_at=0.0,
        content=content,
    )
