"""What is switched for all processes, and which of them live, in SQL inside the caller's transaction."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from detector.records.schema import executors, switches

FREEZE = "freeze"
"""Containments wait: maintenance."""

BREAKER = "breaker"
"""Too many password changes within an hour: the next ones wait for people."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On since `since` (Unix seconds), and by itself off again at `until`; None: until somebody switches it off."""

    name: str
    since: float
    until: float | None
    actor: str
    reason: str

    def on(self, now: float) -> bool:
        return self.until is None or now < self.until


def find(connection: Connection, name: str) -> Switch | None:
    row = connection.execute(select(switches).where(switches.c.name == name)).mappings().first()
    return None if row is None else Switch(**row)


def switch_on(connection: Connection, switch: Switch) -> None:
    """Replaces an earlier one of this name."""
    switch_off(connection, switch.name)
    values = {name: getattr(switch, name) for name in switches.c.keys()}  # noqa: SIM118 - not a dict
    connection.execute(insert(switches).values(values))


def switch_off(connection: Connection, name: str) -> bool:
    """Whether it was there."""
    return connection.execute(delete(switches).where(switches.c.name == name)).rowcount > 0


def beat(connection: Connection, executor_id: str) -> None:
    """The process lives."""
    mine = executors.c.executor_id == executor_id
    if connection.execute(update(executors).where(mine).values(beat=executors.c.beat + 1)).rowcount == 0:
        connection.execute(insert(executors).values(executor_id=executor_id, beat=0))


def beats(connection: Connection) -> dict[str, int]:
    return {row.executor_id: row.beat for row in connection.execute(select(executors))}


def bury(connection: Connection, executor_id: str) -> None:
    """The process lives no more."""
    connection.execute(delete(executors).where(executors.c.executor_id == executor_id))
