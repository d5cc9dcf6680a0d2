"""Held mail in SQL, as it is released and ends: each function works inside the caller's transaction.

A message goes held -> releasing -> sending -> released. It is `sending` durably before its end mark leaves, and only
one statement, `claim`, leads there: so no two processes send one message, and what a crash leaves there is in doubt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from detector.records import audit
from detector.records.held import add, in_states, message_of, words
from detector.records.held_entries import (
    ENDED,
    UNDECIDED,
    Attempt,
    HeldMessage,
    HeldRecipient,
    HeldState,
    HeldUse,
    RecipientState,
)
from detector.records.incidents import PROGRAM
from detector.records.schema import held

AT_ONCE = 500  # rows of one statement: SQLite takes some thousand parameters


def use(connection: Connection, spool: str) -> list[HeldUse]:
    """Of what has a file in this spool, or should have."""
    sums = (func.count(), func.coalesce(func.sum(held.c.size_bytes), 0), func.min(held.c.held_at))
    query = select(held.c.account, held.c.state, *sums).where(held.c.spool == spool, ~held.c.erased)
    rows = connection.execute(query.group_by(held.c.account, held.c.state))
    return [HeldUse(row[0], HeldState(row[1]), int(row[2]), int(row[3]), float(row[4])) for row in rows]


def oldest(connection: Connection, spool: str, account: str, limit: int) -> list[HeldMessage]:
    """What waits for better evidence, in the order in which it came."""
    query = select(held).where(held.c.account == account, held.c.state == HeldState.HELD.value, held.c.spool == spool)
    query = query.order_by(held.c.held_at, held.c.message_id).limit(limit)
    return [message_of(row) for row in connection.execute(query).mappings()]


def let_go(connection: Connection, message_ids: Sequence[str], now: float) -> list[str]:
    """Those that the evidence does not hold any more, as far as nobody decided otherwise meanwhile."""
    gone = []
    for message_id in message_ids:
        going = {"state": HeldState.RELEASING.value, "next_attempt_at": now, "released_at": now}
        decided = {"decided_by": PROGRAM, "decided_at": now, "changed_at": now, "reason": "the evidence has faded"}
        where = and_(held.c.message_id == message_id, held.c.state == HeldState.HELD.value)
        if connection.execute(update(held).where(where).values(**going, **decided)).rowcount:
            gone.append(message_id)
    return gone


def due(connection: Connection, spool: str, now: float, limit: int) -> list[HeldMessage]:
    query = select(held).where(held.c.spool == spool, held.c.state == HeldState.RELEASING.value)
    query = query.where(held.c.next_attempt_at <= now).order_by(held.c.next_attempt_at).limit(limit)
    return [message_of(row) for row in connection.execute(query).mappings()]


def claim(connection: Connection, message_id: str, recipients: tuple[HeldRecipient, ...], now: float) -> bool:
    """From here on its end mark may leave; False if somebody decided otherwise meanwhile."""
    where = and_(held.c.message_id == message_id, held.c.state == HeldState.RELEASING.value)
    taken = {"state": HeldState.SENDING.value, "recipients": recipients, "changed_at": now}
    return connection.execute(update(held).where(where).values(taken)).rowcount > 0


def settle(connection: Connection, attempt: Attempt) -> bool:
    """Write what came of an attempt; False if somebody decided otherwise before it had been claimed."""
    mine = (HeldState.RELEASING.value, HeldState.SENDING.value)
    where = and_(held.c.message_id == attempt.message_id, held.c.state.in_(mine))
    done = connection.execute(
        update(held)
        .where(where)
        .values(
            state=attempt.state.value,
            recipients=attempt.recipients,
            changed_at=attempt.at,
            attempts=held.c.attempts + 1,
            next_attempt_at=attempt.next_attempt_at,
            problem=attempt.problem,
        )
    ).rowcount
    if done and attempt.report is not None:
        add(connection, attempt.report)
    if done and attempt.state is HeldState.UNDELIVERABLE:
        _sender_is_not_told(connection, attempt)
    return done > 0


def _sender_is_not_told(connection: Connection, attempt: Attempt) -> None:
    """If it was a report that cannot be delivered, the message that it is about needs a person."""
    about = select(held.c.about).where(held.c.message_id == attempt.message_id).scalar_subquery()
    where = and_(held.c.message_id == about, held.c.state == HeldState.RETURNED.value, ~held.c.erased)
    recipients = connection.execute(select(held.c.recipients).where(where)).scalar()
    if recipients is not None:
        refused = {RecipientState.REPORTED: RecipientState.REFUSED}
        values = {
            "state": HeldState.UNDELIVERABLE.value,
            "changed_at": attempt.at,
            "problem": "refused, and so was the report to its sender",
            "recipients": tuple(replace(one, state=refused.get(one.state, one.state)) for one in recipients),
        }
        connection.execute(update(held).where(where).values(values))


def postpone(connection: Connection, message_id: str, now: float, wait: float) -> None:
    """After a fault of ours: tried again later, or in doubt if its end mark may have left."""
    mine = held.c.message_id == message_id
    later = {"next_attempt_at": now + wait, "problem": "a fault of the program, see its log"}
    connection.execute(update(held).where(mine, held.c.state == HeldState.RELEASING.value).values(**later))
    doubtful = later | {"state": HeldState.IN_DOUBT.value, "changed_at": now}
    connection.execute(update(held).where(mine, held.c.state == HeldState.SENDING.value).values(**doubtful))


def doubt(connection: Connection, spool: str, now: float) -> list[str]:
    """What a crash left in the middle of its sending."""
    where = and_(held.c.spool == spool, held.c.state == HeldState.SENDING.value)
    found = list(connection.execute(select(held.c.message_id).where(where)).scalars())
    doubtful = {"state": HeldState.IN_DOUBT.value, "changed_at": now, "problem": "we were stopped while it was sent"}
    connection.execute(update(held).where(where).values(**doubtful))
    return found


def doubt_one(connection: Connection, message_id: str, now: float, problem: str) -> None:
    """What waits is not to go by itself, but only if people say so."""
    where = and_(held.c.message_id == message_id, held.c.state == HeldState.HELD.value)
    doubtful = {"state": HeldState.IN_DOUBT.value, "changed_at": now, "problem": problem}
    connection.execute(update(held).where(where).values(**doubtful))


# -- files and rows that go --


def known(connection: Connection, message_ids: Iterable[str]) -> set[str]:
    """Those of the ids that have a row and should have a file."""
    wanted, found = sorted(message_ids), set[str]()
    for start in range(0, len(wanted), AT_ONCE):
        some = held.c.message_id.in_(wanted[start : start + AT_ONCE])
        found.update(connection.execute(select(held.c.message_id).where(some, ~held.c.erased)).scalars())
    return found


def filed(connection: Connection, spool: str) -> set[str]:
    """All that should have a file in this spool."""
    query = select(held.c.message_id).where(held.c.spool == spool, ~held.c.erased)
    return set(connection.execute(query).scalars())


def to_erase(connection: Connection, spool: str, discarded_before: float, limit: int) -> list[str]:
    """What has ended and still has its file; only what was delivered loses it at once."""
    old = and_(in_states(ENDED), held.c.changed_at < discarded_before)
    ended = or_(held.c.state == HeldState.RELEASED.value, old)
    query = select(held.c.message_id).where(held.c.spool == spool, ~held.c.erased, ended).limit(limit)
    return list(connection.execute(query).scalars())


def erased(connection: Connection, message_ids: Sequence[str]) -> None:
    connection.execute(update(held).where(held.c.message_id.in_(message_ids)).values(erased=True))


def expire(connection: Connection, spool: str, held_before: float, now: float) -> int:
    """Discard what nobody decided on for too long."""
    where = _undecided_since(spool, held_before)
    decided = {"decided_by": PROGRAM, "decided_at": now, "changed_at": now, "reason": "nobody decided in time"}
    done = connection.execute(update(held).where(where).values(state=HeldState.DISCARDED.value, **decided)).rowcount
    if done:
        audit.append(connection, now, (PROGRAM, "held discard", f"spool {spool}", words(done, "kept for too long")))
    return done


def waiting_since(connection: Connection, spool: str, held_before: float) -> int:
    """How many nobody has decided on since then."""
    query = select(func.count()).select_from(held).where(_undecided_since(spool, held_before))
    return int(connection.execute(query).scalar_one())


def _undecided_since(spool: str, held_before: float) -> ColumnElement[bool]:
    return and_(held.c.spool == spool, held.c.held_at < held_before, in_states(UNDECIDED))


def forget_before(connection: Connection, then: float) -> int:
    """Delete the rows of messages that ended before; how many there were."""
    where = and_(held.c.erased, in_states(ENDED), held.c.changed_at < then)
    return connection.execute(delete(held).where(where)).rowcount


def rekeyed(connection: Connection, message_id: str, key_id: str) -> None:
    connection.execute(update(held).where(held.c.message_id == message_id).values(key_id=key_id))
