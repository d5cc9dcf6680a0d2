"""What the judge says, with its reasons."""

from enum import StrEnum

from msgspec import Struct


class Action(StrEnum):
    """The rungs of the ladder."""

    ACCEPT = "accept"
    PACE = "pace"  # some recipients wait: the recipient window is full
    HOLD = "hold"  # the message waits until the evidence has faded, or people have decided
    BLOCK = "block"  # the account is considered taken over: an incident


class Group(StrEnum):
    """Groups of evidence: correlated signals are averaged inside a group, groups are added."""

    BULK = "bulk"
    FEEDBACK = "feedback"
    CLIENT = "client"
    TEXT = "text"
    CAMPAIGN = "campaign"


# By themselves for what runs with each message: in Python 3.11 a member named by its class takes as long as a call.
BULK, FEEDBACK, CLIENT, TEXT, CAMPAIGN = Group


class Evidence(Struct, frozen=True, gc=False):
    """One signal: what was seen, what is usual for this account, and its weight of evidence alone.

    `nats` is the natural logarithm of the signal's e-value: positive speaks against the account, 0 says nothing.
    """

    group: Group
    signal: str
    value: float
    expected: float
    nats: float


class GroupScore(Struct, frozen=True, gc=False):
    """A term of the ledger, after floor and cap: ln of the mean of the members' e-values.

    In the groups feedback, client and text the members are factors of one e-value, so that their nats are added.
    """

    group: Group
    nats: float
    evidence: tuple[Evidence, ...]


class Verdict(Struct, frozen=True, gc=False):
    """The decision on one transaction. `score` is exactly the sum of the groups' `nats`."""

    action: Action
    score: float
    groups: tuple[GroupScore, ...]
    policy_version: str
    model_version: str
