"""The way back of an account in SQL, inside the caller's transaction: terminations and one-time codes."""

from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import Connection, delete, func, insert, select, update

from detector.records.entries import Offer, Termination
from detector.records.schema import self_releases, strikes, terminations

MOST_TRIES = 5
"""Wrong codes before the offer is void: a code has 69 bits, this is for noise in the log."""


def decide_termination(connection: Connection, decided: Termination) -> None:
    values = {name: getattr(decided, name) for name in ("account", "at", "actor", "ended", "reason")}
    connection.execute(insert(terminations).values(values))


def termination_of(connection: Connection, account: str) -> Termination | None:
    """What was decided last."""
    columns = [column for column in terminations.c if column.name != "number"]
    query = select(*columns).where(terminations.c.account == account).order_by(terminations.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else Termination(**row)


def ended(connection: Connection, account: str) -> Termination | None:
    """The decision that ended the service, if that is how it stands."""
    decided = termination_of(connection, account)
    return decided if decided is not None and decided.ended else None


def accounts_with_strikes(connection: Connection, since: float) -> list[str]:
    """Those with the most strikes first."""
    query = select(strikes.c.account).where(strikes.c.at >= since).group_by(strikes.c.account)
    return list(connection.scalars(query.order_by(func.count().desc(), strikes.c.account)))


def offered_since(connection: Connection, account: str, then: float, incident_id: str) -> bool:
    """Whether the account was offered a code for another incident."""
    query = select(self_releases.c.incident_id).where(
        self_releases.c.account == account,
        self_releases.c.offered_at > then,
        self_releases.c.incident_id != incident_id,
    )
    return connection.execute(query).first() is not None


def offer(connection: Connection, incident_id: str, offered: Offer) -> None:
    """The code of an incident; a notice that is written again has a new one, and the old one is void."""
    connection.execute(delete(self_releases).where(self_releases.c.incident_id == incident_id))
    connection.execute(
        insert(self_releases).values(
            incident_id=incident_id,
            account=offered.account,
            offered_at=offered.at,
            salt=offered.salt,
            code_hash=hashed(offered.code, offered.salt),
            failed=0,
            used_at=None,
        )
    )


def redeem(connection: Connection, incident_id: str, code: str, now: float) -> bool | None:
    """Whether this is the code of the incident: it is used up then. None when there is no offer (any more)."""
    mine = self_releases.c.incident_id == incident_id
    row = connection.execute(select(self_releases).where(mine)).mappings().first()
    if row is None or row["used_at"] is not None or row["failed"] >= MOST_TRIES:
        return None
    right = compare_digest(row["code_hash"], hashed(code, row["salt"]))
    change = {"used_at": now} if right else {"failed": row["failed"] + 1}
    connection.execute(update(self_releases).where(mine).values(change))
    return right


def hashed(code: str, salt: str) -> str:
    """SHA-256 is enough: a code is drawn, not chosen, and has 69 bits."""
    kept = "".join(character for character in code if character.isalnum())
    return sha256(f"{salt}:{kept}".encode("utf-8", "surrogateescape")).hexdigest()
