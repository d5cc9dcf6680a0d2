"""Who is blocked, exempt or forgiven, and the suspicious verdicts, in SQL inside the caller's transaction."""

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from detector.mail.transaction import Transaction
from detector.records.entries import Exemption, Forgiveness, Standing, VerdictNote
from detector.records.schema import cohorts, exemptions, forgiveness, incidents, not_closed, verdicts
from detector.traffic.cohort import Cohort
from detector.verdict.verdict import Verdict


def standing(connection: Connection) -> Standing:
    blocks = connection.execute(select(incidents.c.account, incidents.c.incident_id).where(not_closed))
    exempt = [Exemption(**row) for row in connection.execute(select(exemptions)).mappings()]
    assigned = {row.account: Cohort(row.cohort) for row in connection.execute(select(cohorts))}
    return Standing({row.account: row.incident_id for row in blocks}, {one.account: one for one in exempt}, assigned)


def forgiven_since(connection: Connection, sequence: int) -> list[Forgiveness]:
    query = select(forgiveness).where(forgiveness.c.sequence > sequence).order_by(forgiveness.c.sequence)
    return [Forgiveness(**row) for row in connection.execute(query).mappings()]


def exempt(connection: Connection, exemption: Exemption) -> None:
    unexempt(connection, exemption.account)
    connection.execute(insert(exemptions).values(asdict(exemption)))


def unexempt(connection: Connection, account: str) -> bool:
    """Whether there was an exemption."""
    return connection.execute(delete(exemptions).where(exemptions.c.account == account)).rowcount > 0


def assign_cohort(connection: Connection, account: str, cohort: Cohort | None) -> None:
    connection.execute(delete(cohorts).where(cohorts.c.account == account))
    if cohort is not None:
        connection.execute(insert(cohorts).values(account=account, cohort=cohort.value))


def note_verdicts(connection: Connection, notes: Collection[tuple[Transaction, Verdict]], now: float) -> None:
    rows = [
        {
            "account": transaction.identity.account,
            "at": now,
            "transaction_id": transaction.transaction_id,
            "identity_source": transaction.identity.source,
            "client": transaction.client,
            "recipients": dict(Counter(recipient.status.value for recipient in transaction.recipients)),
            "size_bytes": transaction.size_bytes,
            "verdict": verdict,
        }
        for transaction, verdict in notes
    ]
    if rows:
        connection.execute(insert(verdicts), rows)


def verdicts_of(connection: Connection, account: str, limit: int) -> list[VerdictNote]:
    columns = [column for column in verdicts.c if column.name != "number"]
    newest_first = (verdicts.c.at.desc(), verdicts.c.number.desc())
    query = select(*columns).where(verdicts.c.account == account).order_by(*newest_first).limit(limit)
    return [VerdictNote(**row) for row in connection.execute(query).mappings()]
