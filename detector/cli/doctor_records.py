"""What the records say of the house: open incidents, what waits for people, the last calibration, how much there is."""

from collections.abc import Iterator

from detector.cli.doctor_part import Fact, Part, days_since
from detector.cli.finding import Finding, hint, problem
from detector.cli.words import DAY, counted, moment, span
from detector.config import Config, Judging
from detector.incident.incident import State
from detector.records.accountable import CALIBRATED
from detector.records.errands import Waiting
from detector.records.records import Records

STALE = 180
"""Days after which thresholds are worth a new look: customers and their mail have changed."""

FORGOTTEN = 3 * DAY
"""Seconds after which nobody will decide by himself: escalation has told operators twice by then."""


def examine_records(records: Records, config: Config, now: float) -> list[Part]:
    """Raises `Temporary`."""
    census, waiting = records.census(), records.unresolved()
    sizes: dict[str, Fact] = {"schema version": census.schema_version, "size_bytes": census.size_bytes}
    sizes |= {f"{table} rows": count for table, count in census.rows.items()}
    facts: dict[str, Fact] = {f"{state.value} incidents": census.incidents.get(state.value, 0) for state in State}
    facts |= {f"mail {state}": count for state, count in census.held.items()}
    breaker, frozen = records.breaker(), records.frozen(now)
    facts |= {"breaker open": breaker is not None, "frozen": frozen is not None}
    if frozen is not None and frozen.until is not None:
        facts["frozen until_at"] = frozen.until
    return [
        Part("incidents", facts, [*_waiting(waiting, now), *_switched(breaker is not None, frozen is not None)]),
        Part("records", sizes),
        _calibration(records, config.judging, now),
    ]


def _waiting(waiting: list[Waiting], now: float) -> Iterator[Finding]:
    pending = [one for one in waiting if one.state is State.PENDING]
    if pending:
        text = f"{counted(len(pending), 'incident needs', 'incidents need')} a person before the password is changed: "
        yield problem("incidents", f"{text}`detector incidents list`, then approve, confirm or dismiss")
    old = [one for one in waiting if one.state is State.CONTAINED and now - one.since > FORGOTTEN]
    if old:
        oldest = span(now - min(one.since for one in old))
        text = f"{counted(len(old), 'incident waits', 'incidents wait')} for a decision, the oldest for {oldest}: "
        yield hint("incidents", f"{text}`detector incidents list`, then confirm or dismiss")


def _switched(breaker: bool, frozen: bool) -> Iterator[Finding]:
    if breaker:
        text = "the breaker is open, and passwords wait: `detector incidents approve --all-waiting`, or dismiss"
        yield problem("breaker", text)
    if frozen:
        yield hint(
            "freeze", "containments are frozen, `detector audit list` says by whom: `detector response unfreeze`"
        )


def _calibration(records: Records, judging: Judging, now: float) -> Part:
    shipped = Judging()
    own = (judging.block_score, judging.hold_score) != (shipped.block_score, shipped.hold_score)
    last = records.last_audited(*CALIBRATED)
    facts: dict[str, Fact] = {
        "block score": judging.block_score,
        "hold score": judging.hold_score,
        "thresholds": "your own" if own else "as shipped",
        "last --live": f"{moment(last)} UTC" if last is not None else "never",
    }
    findings = []
    if last is None and not own:
        findings.append(hint("calibration", "nobody has calibrated here: `detector calibrate --live` after some weeks"))
    elif last is not None and days_since(last, now) > STALE:
        findings.append(
            hint("calibration", f"the last was {days_since(last, now)} days ago: `detector calibrate --live`")
        )
    return Part("calibration", facts, findings)
