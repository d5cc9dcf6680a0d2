"""Everything that is known about one account, collected for an operator."""

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain

from detector.cli.offenders import Offender, offender
from detector.cli.office import Office
from detector.config import Config
from detector.incident.incident import Incident
from detector.mail.transaction import Stream
from detector.models import load_prior
from detector.records.book import Book
from detector.records.held_entries import HeldDecision, HeldSelection
from detector.records.records import Exemption, Standing, VerdictNote
from detector.traffic.cohort import COHORTS
from detector.traffic.features import FEATURES, STREAMS
from detector.traffic.profile import Profile
from detector.verdict.declaration import Declaration, within
from detector.verdict.explain import explain
from detector.verdict.policy import Policy
from detector.verdict.verdict import Verdict
from detector.verdict.weigh import weigh

DAILY = next(index for index, feature in enumerate(FEATURES) if feature.name == "recipients_24h")


@dataclass(frozen=True, slots=True)
class Weeks:
    """What became of the mail of the last weeks, in recipients; half is forgotten in four weeks.

    The shares are None where too little was sent. `complainers` are remembered for half a year, by keyed hashes.
    """

    sent: float = 0.0
    bounced: float = 0.0
    complained: float = 0.0
    deferred: float = 0.0
    bounce_share: float | None = None
    complaint_share: float | None = None
    deferred_share: float | None = None
    complainers: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the account's profile says at this moment. `days` are those its baseline was learned from.

    `learned_cohort` is what its mail has shown it to be, empty as long as it has not.
    """

    verdict: Verdict
    explanation: list[str]
    recipients_24h: float
    window_size: int
    window_in_flight: int
    usual_networks: int
    new_networks: int
    days: int
    learned_cohort: str
    last_mail_at: float
    written_at: float
    reputation: Weeks = Weeks()


@dataclass(frozen=True, slots=True)
class Dossier:
    """`traffic` is None for an account of which no mail was seen; `verdicts` are the suspicious ones, newest first.

    `cohort` is what a person assigned, empty where nobody did; `held` counts messages on hold that have not ended.
    """

    account: str
    standing: str
    cohort: str
    incident: Incident | None
    exemption: Exemption | None
    strikes: Offender
    traffic: Traffic | None
    verdicts: list[VerdictNote]
    held: int

    @property
    def nothing_known(self) -> bool:
        decided = self.incident or self.exemption or self.cohort or self.strikes.strikes
        return not (self.traffic or self.held or self.verdicts or decided)


@dataclass(frozen=True, slots=True)
class Line:
    """An account in a list. The ceilings are those of an exemption that has not run out."""

    account: str
    standing: str
    cohort: str
    recipients_per_hour: int | None
    recipients_per_day: int | None
    score: float
    recipients_24h: float
    last_mail_at: float


def policy_of(config: Config) -> Policy:
    """By what the server judges. Without the key of hashes: nothing is hashed where no new mail is looked at."""
    prior, model_version = load_prior()
    return Policy(b"", prior, model_version, **config.judging.model_dump())


def collect(office: Office, account: str, verdicts: int = 5) -> Dossier:
    """Raises `Temporary`, and `Refused` when the profile is damaged."""
    records, now = office.records, office.clock()
    standing = records.standing()
    blocked_by = standing.blocks.get(account)
    profile = office.profiles.read(account)
    return Dossier(
        account,
        standing_of(account, standing, profile or Profile(), now),
        standing.cohorts.get(account, ""),
        records.incident(blocked_by) if blocked_by else None,
        standing.exemptions.get(account),
        offender(office, account),
        None if profile is None else _traffic(profile, office, standing.cohorts.get(account, ""), now),
        records.verdicts(account, verdicts),
        records.count_held(HeldSelection(account=account), HeldDecision.DISCARD),
    )


def lines(office: Office, part: str) -> list[Line]:
    """The accounts whose name contains `part`: blocked ones first, then by what speaks against them."""
    now, standing, policy = office.clock(), office.records.standing(), policy_of(office.config)
    never_seen = dict.fromkeys((*standing.blocks, *standing.exemptions, *standing.cohorts), Profile())
    found = {
        account: _line(account, profile, policy, standing, now)
        for account, profile in chain(never_seen.items(), office.profiles.rows())
        if part in account
    }
    return sorted(found.values(), key=lambda line: (line.standing != "blocked", -line.score, line.account))


def never_seen(office: Office, account: str) -> str:
    """That no mail of the account was seen, with names that are like it; empty if some was. Raises `Temporary`."""
    known = office.profiles.accounts()
    if account in known:
        return ""
    close = get_close_matches(account, known, n=3, cutoff=0.6)
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no mail of {account} was seen so far{meant}"


def standing_of(account: str, standing: Standing, profile: Profile, now: float) -> str:
    """What the relay does with the account: blocked, exempt, above its declaration, or free."""
    book = Book()
    book.replace(standing)
    exemption = book.exemption(account, now)
    if exemption is None:
        return "blocked" if book.blocked(account) else "free"
    return "exempt" if within(profile, exemption.declaration, now) else "above its declaration"


def _line(account: str, profile: Profile, policy: Policy, standing: Standing, now: float) -> Line:
    counters = profile.counters
    policy = policy.for_cohort(standing.cohorts.get(account, ""))
    score = weigh(profile, now, policy).score if counters.updated_at else 0.0
    daily = counters.at(now).features[DAILY]
    exemption = standing.exemptions.get(account)
    declaration = exemption.declaration if exemption is not None and exemption.holds(now) else Declaration()
    return Line(
        account=account,
        standing=standing_of(account, standing, profile, now),
        cohort=standing.cohorts.get(account, ""),
        recipients_per_hour=declaration.recipients_per_hour,
        recipients_per_day=declaration.recipients_per_day,
        score=score,
        recipients_24h=daily,
        last_mail_at=counters.updated_at,
    )


def _traffic(profile: Profile, office: Office, cohort: str, now: float) -> Traffic:
    policy = policy_of(office.config).for_cohort(cohort)
    verdict = weigh(profile, now, policy)
    window = profile.window.at(now, policy.window)
    usual = sum(seen.habitual(now) for seen in profile.networks.seen)
    return Traffic(
        verdict=verdict,
        explanation=list(explain(verdict)),
        recipients_24h=profile.counters.at(now).features[DAILY],
        window_size=window.size(policy.window),
        window_in_flight=window.in_flight,
        usual_networks=usual,
        new_networks=len(profile.networks.seen) - usual,
        days=profile.baseline.days[STREAMS.index(Stream.PERSONAL)],
        learned_cohort=COHORTS[profile.cohort - 1] if profile.cohort else "",
        last_mail_at=profile.counters.updated_at,
        written_at=now if (written := office.profiles.written_at()) is None else written,
        reputation=_reputation(profile, now),
    )


def _reputation(profile: Profile, now: float) -> Weeks:
    then = profile.reputation.at(now)
    return Weeks(
        then.sent,
        then.bounced,
        then.complained,
        then.deferred,
        then.bounce_share,
        then.complaint_share,
        then.deferred_share,
        len(profile.complainers),
    )
