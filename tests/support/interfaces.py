"""The documents that others get from us, field by field; whatever the tests send is checked against them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

Moment = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="ISO 8601, UTC, whole seconds")]
EventId = Annotated[str, Meta(description="the idempotency key: the same for all attempts; in requests and programs")]
Account = Annotated[str, Meta(description="the login name; not with the redaction `none`")]
Key = Annotated[str, Meta(description="the idempotency key; the same for all attempts")]
UnixTime = Annotated[int, Meta(description="Unix seconds")]


class Done(Struct, forbid_unknown_fields=True, kw_only=True):
    """A step of the containment, and what came of it."""

    step: str
    result: Annotated[str, Meta(description="`done`, `failed`, `skipped`, `dry_run` or `waiting`")]
    detail: Annotated[str, Meta(description="words for people; not with the redaction `none`")] | UnsetType = UNSET


class IncidentEvent(Struct, forbid_unknown_fields=True, kw_only=True):
    """Of one incident."""

    event: Literal[
        "incident.opened",
        "incident.needs_confirmation",
        "incident.contained",
        "incident.step_failed",
        "incident.waiting",
        "incident.closed",
        "account.termination_proposed",
    ]
    incident: Annotated[str, Meta(description="its number; `detector incidents show` takes it")]
    time: Moment
    opened_at: Moment
    changed_at: Moment
    state: Literal["open", "pending", "contained", "confirmed", "closed"]
    identity_trusted: Annotated[bool, Meta(description="whether a customer could not have forged the account")]
    score: Annotated[float, Meta(description="nats, of the verdict that opened it")]
    strikes: Annotated[int, Meta(description="that count now")]
    done: list[Done]
    reason: Annotated[str, Meta(description="why a person is asked")] | UnsetType = UNSET
    step: Annotated[str, Meta(description="the step that failed, with `incident.step_failed`")] | UnsetType = UNSET
    count: Annotated[int, Meta(description="how often it was told, with `incident.waiting`")] | UnsetType = UNSET
    account: Account | UnsetType = UNSET
    evidence: Annotated[list[str], Meta(description="in words; with `account-and-evidence` only")] | UnsetType = UNSET
    facts: (
        Annotated[dict[str, str], Meta(description="client, recipients and so on; with `account-and-evidence` only")]
        | UnsetType
    ) = UNSET
    request_id: EventId | UnsetType = UNSET


class SummaryEvent(Struct, forbid_unknown_fields=True, kw_only=True):
    """Of all incidents of a burst, `group_wait` seconds after the first."""

    event: Literal["incidents.summary"]
    title: Annotated[str, Meta(description="the rest in one line")]
    time: Moment
    since: Moment
    count: Annotated[int, Meta(description="incidents")]
    states: Annotated[dict[str, int], Meta(description="how many stand how")]
    failed_steps: Annotated[dict[str, int], Meta(description="how often which step was given up")]
    campaign: Annotated[int, Meta(description="incidents that others share a text or link with")]
    incidents: Annotated[list[str], Meta(description="numbers, 20 at most")]
    accounts: Annotated[list[str], Meta(description="20 at most; not with the redaction `none`")] | UnsetType = UNSET
    shared: Annotated[list[str], Meta(description="evidence of at least half of them")] | UnsetType = UNSET
    request_id: EventId | UnsetType = UNSET


class BreakerEvent(Struct, forbid_unknown_fields=True, kw_only=True):
    """Too many passwords were to be changed within an hour, and wait for people."""

    event: Literal["breaker.open", "breaker.waiting"]
    time: Moment
    reason: str
    waiting: Annotated[int, Meta(description="incidents whose password still works")]
    count: Annotated[int, Meta(description="how often it was told before")]
    request_id: EventId | UnsetType = UNSET


class FrozenEvent(Struct, forbid_unknown_fields=True, kw_only=True):
    """A person has frozen all containments."""

    event: Literal["response.frozen"]
    time: Moment
    actor: str
    reason: str
    until: Annotated[float | None, Meta(description="Unix seconds")]
    request_id: EventId | UnsetType = UNSET


class UnfrozenEvent(Struct, forbid_unknown_fields=True, kw_only=True):
    """They go on."""

    event: Literal["response.unfrozen"]
    time: Moment
    request_id: EventId | UnsetType = UNSET


class AddressBlockedEvent(Struct, forbid_unknown_fields=True, kw_only=True):
    """Servers turn our mail away because of our own address."""

    event: Literal["address.blocked"]
    time: Moment
    recipients: Annotated[int, Meta(description="turned away within the last hour")]
    accounts_affected: int
    only_reported: Annotated[int, Meta(description="of these recipients, known by bounces only")]
    since: Annotated[str, Meta(description="in words")]
    accounts: Annotated[list[str], Meta(description="to look at first; not with the redaction `none`")] | UnsetType = (
        UNSET
    )
    suspicion: Annotated[list[str], Meta(description="why; with `account-and-evidence` only")] | UnsetType = UNSET
    request_id: EventId | UnsetType = UNSET


class ChangePassword(Struct, forbid_unknown_fields=True, kw_only=True):
    """`[response.password]`. Another attempt has the same key and another password: set it, or keep the first."""

    action: Literal["change_password"]
    account: Annotated[str, Meta(description="the login name")]
    password: Annotated[str, Meta(description="the new one; it is nowhere else")]
    request_id: Key
    time: UnixTime


class Act(Struct, forbid_unknown_fields=True, kw_only=True):
    """`[response.app_passwords]`, `[[response.sessions]]` (a program only), `[[response.queue]]` (a program only)."""

    action: Literal["revoke_app_passwords", "end_sessions", "hold_queue", "release_queue", "discard_queue"]
    account: Annotated[str, Meta(description="the login name")]
    request_id: Key
    time: UnixTime


class AskContact(Struct, forbid_unknown_fields=True, kw_only=True):
    """`[response.directory]`. The answer is `Contact`, or `{}` (an endpoint also 404) for nobody."""

    action: Literal["contact"]
    account: Annotated[str, Meta(description="the login name")]
    time: UnixTime


class Contact(Struct, forbid_unknown_fields=True, kw_only=True):
    """How to reach a customer other than by the mailbox that was taken over. At least one of the last three ways."""

    name: str | UnsetType = UNSET
    language: Annotated[str, Meta(description="`de`, `pt-BR`")] | UnsetType = UNSET
    address: Annotated[str, Meta(description="another mailbox of the customer")] | UnsetType = UNSET
    telephone: Annotated[str, Meta(description="for short messages")] | UnsetType = UNSET
    postal_address: Annotated[str, Meta(description="several lines, for a letter")] | UnsetType = UNSET


EVENTS: tuple[type[Struct], ...] = (
    IncidentEvent,
    SummaryEvent,
    BreakerEvent,
    FrozenEvent,
    UnfrozenEvent,
    AddressBlockedEvent,
)
REQUESTS: tuple[type[Struct], ...] = (ChangePassword, Act, AskContact)


def words_of(kind: type[Struct]) -> tuple[str, ...]:
    """Of a document its events, or its actions: the values of its first field."""
    return get_args(kind.__annotations__[kind.__struct_fields__[0]])


def check_event(event: Mapping[str, object]) -> None:
    """Raises `msgspec.ValidationError` for an event that is not as it is documented."""
    _check(event, "event", EVENTS)


def check_request(document: Mapping[str, object]) -> None:
    """The same for what a program or an endpoint is asked to do."""
    _check(document, "action", REQUESTS)


def schema(kinds: tuple[type[Struct], ...]) -> dict[str, Any]:
    """As JSON Schema (draft 2020-12), one of these."""
    (*alternatives,), definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "oneOf": alternatives, "$defs": definitions}


def _check(document: Mapping[str, object], field: str, kinds: tuple[type[Struct], ...]) -> None:
    known = {word: kind for kind in kinds for word in words_of(kind)}
    kind = known.get(str(document.get(field)))
    if kind is None:
        msg = f"{field} {document.get(field)!r} is not documented"
        raise msgspec.ValidationError(msg)
    msgspec.convert(document, kind, strict=True)
