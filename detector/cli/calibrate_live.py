"""Reads the profiles of a server for `detector calibrate --live`, and what people have decided about the accounts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from detector.cli.calibrate_result import TAKEN_OVER, Calibration, Known, Watch
from detector.cli.office import Office
from detector.incident.incident import Incident, State
from detector.records.records import Records, Standing
from detector.replay.maxima import Peak, Watched
from detector.traffic.clock import DAY
from detector.traffic.profile import Profile
from detector.verdict.explain import explain
from detector.verdict.judge import WARM_UP, enough_speak

CONFIRMED = "an incident was confirmed"
EXEMPT = "exempt"
AGE_UNKNOWN = "not known since when"
DISMISSED = "dismissed"
MOST_INCIDENTS = 1_000_000  # all of them
MOST_NOTES = 1000  # suspicious mail of one account that is looked through for the worst


@dataclass(frozen=True, slots=True)
class Opinions:
    """What people have decided: `confirmed` are accounts, the others map an account to its incidents."""

    confirmed: frozenset[str]
    dismissed: Mapping[str, list[Incident]]
    undecided: frozenset[str]


def watch_live(office: Office, known: Known) -> Watch:
    """Every account of the profiles on disk that can be counted as clean traffic. Raises `Temporary`."""
    now, standing, opinions = office.clock(), office.records.standing(), opinions_of(office.records)
    left_out: Counter[str] = Counter()
    accounts, seen = [], []
    for account, profile in office.profiles.rows():
        if not profile.counters.updated_at:
            continue
        seen.append(account)
        reason = _left_out(account, profile, standing, opinions, now)
        if account in known.taken_over:
            reason = TAKEN_OVER
        if reason:
            left_out[reason] += 1
        else:
            accounts.append(_watched(account, profile, opinions.dismissed.get(account, [])))
    explained = dict.fromkeys(opinions.dismissed, DISMISSED) | known.explained
    undecided = opinions.undecided - set(known.taken_over) - set(known.innocent)
    for account in undecided:
        explained.pop(account, None)  # an older incident was dismissed, the newest one is not
    notes = [f"The first {WARM_UP / DAY:.0f} days of each account only teach what is usual.", *known.unseen(seen)]
    return Watch(accounts, left_out, explained, notes, undecided)


def opinions_of(records: Records) -> Opinions:
    confirmed: set[str] = set()
    dismissed: dict[str, list[Incident]] = {}
    undecided: set[str] = set()
    strikes: dict[str, set[str]] = {}
    for incident in records.incidents(limit=MOST_INCIDENTS):
        account = incident.account
        if account not in strikes:  # a confirmation is a strike, also after the release
            strikes[account] = {strike.incident_id for strike in records.strikes(account)}
        if incident.incident_id in strikes[account]:
            confirmed.add(account)
        elif incident.state is State.CLOSED:
            dismissed.setdefault(account, []).append(incident)
        else:
            undecided.add(account)
    return Opinions(frozenset(confirmed), dismissed, frozenset(undecided))


def told(office: Office, calibration: Calibration, most: int) -> Calibration:
    """With when and why for the first `most` suspects, as far as their suspicious mail is still on record.

    Each look at an account is told to the audit log. Raises `Temporary`.
    """
    suspects = list(calibration.suspects)
    for place, suspect in enumerate(suspects[:most]):
        office.looked("account", suspect.account)
        peak = _worst(office.records, suspect.account) if suspect.at is None else None
        if peak is not None:
            suspects[place] = replace(suspect, at=peak.at, why=peak.why)
    return replace(calibration, suspects=suspects)


def _left_out(account: str, profile: Profile, standing: Standing, opinions: Opinions, now: float) -> str:
    exemption = standing.exemptions.get(account)
    if account in opinions.confirmed:
        return CONFIRMED
    if exemption is not None and exemption.holds(now):  # what it declared blocks nobody
        return EXEMPT
    return "" if profile.first_seen else AGE_UNKNOWN


def _watched(account: str, profile: Profile, dismissed: list[Incident]) -> Watched:
    """The profile has forgotten what was dismissed; the incident has not, and it was a false alarm."""
    worst = max(dismissed, key=lambda one: one.verdict.score, default=None)
    watched = Watched(
        account,
        profile.first_seen,
        profile.counters.updated_at,
        profile.highest_score,
        profile.highest_blockable,
        unjudged=WARM_UP,
    )
    if worst is None or worst.verdict.score < watched.blockable:
        return watched
    score = worst.verdict.score
    peak = Peak(worst.opened_at, score, explain(worst.verdict))
    return replace(watched, highest=max(score, watched.highest), blockable=score, peak=peak)


def _worst(records: Records, account: str) -> Peak | None:
    notes = [note for note in records.verdicts(account, MOST_NOTES) if enough_speak(note.verdict.groups)]
    worst = max(notes, key=lambda note: note.verdict.score, default=None)
    return None if worst is None else Peak(worst.at, worst.verdict.score, explain(worst.verdict))
