"""Who plays in the demo: customers with their habits, a thief, and what they write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PROVIDER = "hafen.example"
NOBODY = "nobody-"
"""The demo's next hop knows no mailbox whose name begins so."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as a customer hands it in; `stolen` tells whose it really is, and only the demo looks at that."""

    account: str
    client: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    stolen: bool = False

    def content(self, message_id: str) -> bytes:
        """As octets with CRLF line ends."""
        lines = [
            f"From: {self.account}",
            f"To: {self.recipients[0] if len(self.recipients) == 1 else 'undisclosed-recipients:;'}",
            f"Subject: {self.subject}",
            f"Message-ID: <{message_id}@mail.{PROVIDER}>",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "",
            *self.text.splitlines(),
            "",
        ]
        return "\r\n".join(lines).encode()


@dataclass(frozen=True, slots=True)
class Customer:
    """An account and its habits.

    It writes to `friends` in turn, to `at_once` of them with each message; each `new_after` messages (0: never) to
    somebody new instead. `a_day` messages on each day of its past; in the demo one message each `every` seconds.
    """

    account: str
    contact: str
    client: str
    friends: tuple[str, ...]
    subjects: tuple[str, ...]
    a_day: int = 4
    every: float = 6.0
    at_once: int = 1
    new_after: int = 0

    def letter(self, number: int) -> Letter:
        """The customer's message with this number; each one is a little different."""
        subject = self.subjects[number % len(self.subjects)]
        text = f"Hello,\n\nabout {subject.lower()}: this is my note number {number}.\n\nKind regards\n"
        return Letter(self.account, self.client, self._recipients(number), subject, text)

    def _recipients(self, number: int) -> tuple[str, ...]:
        if self.new_after and number % self.new_after == 0:
            return (f"buyer{number}@{('blume', 'stern', 'wiese', 'hobel', 'kachel', 'nadel')[number % 6]}.example",)
        first = number * self.at_once
        return tuple(self.friends[(first + i) % len(self.friends)] for i in range(self.at_once))


def people(count: int, *domains: str) -> tuple[str, ...]:
    """So many addresses at these domains.

    >>> people(3, "a.example", "b.example")
    ('kim0@a.example', 'kim1@b.example', 'kim2@a.example')
    """
    return tuple(f"kim{i}@{domains[i % len(domains)]}" for i in range(count))


CUSTOMERS = (
    Customer(
        account=f"elin.brandt@{PROVIDER}",
        contact="elin.b@private.example",
        client="198.51.100.17",
        friends=people(9, "gruen.example", "teich.example", "post.example"),
        subjects=("Lunch on Friday", "The photos", "Train tickets"),
        every=8.0,
    ),
    Customer(
        account=f"otto.wiegand@{PROVIDER}",
        contact="otto@private.example",
        client="198.51.100.41",
        friends=people(6, "teich.example", "kontor.example"),
        subjects=("The garden fence", "Chess evening"),
        every=5.0,
    ),
    Customer(
        account=f"praxis.holm@{PROVIDER}",
        contact="dr.holm@private.example",
        client="203.0.113.9",
        friends=people(14, "labor.example", "klinik.example", "gruen.example"),
        subjects=("Your appointment", "Laboratory results", "Referral"),
        a_day=9,
        every=4.0,
    ),
    Customer(
        account=f"bookshop@{PROVIDER}",
        contact="owner@private.example",
        client="203.0.113.58",
        friends=people(5, "verlag.example", "grosso.example"),
        subjects=("Your order has arrived", "Order confirmation"),
        a_day=10,
        every=3.0,
        new_after=2,
    ),
    Customer(
        account=f"rowing.club@{PROVIDER}",
        contact="chair@private.example",
        client="198.51.100.90",
        friends=people(36, "gruen.example", "teich.example", "post.example", "kontor.example"),
        subjects=("Boat house on Saturday", "Regatta: who is coming"),
        a_day=2,
        every=11.0,
        at_once=12,
    ),
    Customer(
        account=f"mira.sand@{PROVIDER}",
        contact="mira@private.example",
        client="198.51.100.126",
        friends=people(4, "post.example"),
        subjects=("Moving house", "The keys"),
        every=7.0,
    ),
    Customer(
        account=f"steuer.lund@{PROVIDER}",
        contact="lund@private.example",
        client="203.0.113.77",
        friends=people(20, "amt.example", "kontor.example", "hobel.example"),
        subjects=("Papers for the tax return", "A question about your invoice"),
        a_day=8,
        every=4.5,
        new_after=5,
    ),
    Customer(
        account=f"jona.ritter@{PROVIDER}",
        contact="jona@private.example",
        client="198.51.100.200",
        friends=people(7, "uni.example", "teich.example"),
        subjects=("Seminar paper", "Band rehearsal"),
        every=6.5,
    ),
)
VICTIM = CUSTOMERS[0]

SCAM = """\
Dear customer,

your parcel could not be delivered because a fee of 1.99 has not been paid.
Pay within 24 hours, or it goes back to the sender:

    http://parcel-fee.example/pay?id={number}

Your delivery team
"""


@dataclass(frozen=True, slots=True)
class Thief:
    """Somebody who knows a password: strangers in bulk, one in four long gone, from computers that are not his."""

    account: str = VICTIM.account
    clients: tuple[str, ...] = ("192.0.2.66", "198.18.7.21", "192.0.2.91")
    at_once: int = 20
    every: float = 0.4

    def letters(self) -> Iterator[Letter]:
        """For ever."""
        number = 0
        while True:
            recipients = tuple(self._address(number * self.at_once + i) for i in range(self.at_once))
            text = SCAM.format(number=1000 + number)
            client = self.clients[number % len(self.clients)]
            yield Letter(self.account, client, recipients, "Your parcel is waiting", text, stolen=True)
            number += 1

    @staticmethod
    def _address(number: int) -> str:
        domain = f"list{number % 23}.example"
        return f"{NOBODY}{number}@{domain}" if number % 4 == 3 else f"reader{number}@{domain}"


def contacts(customers: tuple[Customer, ...] = CUSTOMERS) -> Mapping[str, str]:
    """Where each account's customer is reached by another way."""
    return {customer.account: customer.contact for customer in customers}
