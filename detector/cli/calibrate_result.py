"""What a calibration has found: thresholds for two budgets, a table of others, and who would have been blocked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from detector.cli.ends import Impossible
from detector.cli.options import folded
from detector.config import Judging
from detector.replay.maxima import Watched
from detector.verdict.calibration import Basis, Choice, Rate, Seen, choose, rate_at

TAKEN_OVER = "taken over, as you said"
LOWEST, HIGHEST = 4, 12  # nats, of the table at least


@dataclass(frozen=True, slots=True)
class Known:
    """Accounts of which the operator says: taken over in truth, or looked at and found innocent. In lower case."""

    taken_over: Collection[str] = ()
    innocent: Collection[str] = ()

    @property
    def explained(self) -> dict[str, str]:
        return dict.fromkeys(self.innocent, "innocent, as you said")

    def unseen(self, accounts: Iterable[str]) -> list[str]:
        """A sentence for each name that no account has: it may be mistyped."""
        missing = {*self.taken_over, *self.innocent}.difference(folded(one) for one in accounts)
        return [f"No mail of {name} is counted here." for name in sorted(missing)]


@dataclass(frozen=True, slots=True)
class Watch:
    """Accounts that were watched, those `left_out` counted by the reason, and what `explained` the suspicious ones.

    `notes` are sentences about the reading. `undecided` are accounts with an incident that waits for a person.
    """

    accounts: Sequence[Watched]
    left_out: Mapping[str, int]
    explained: Mapping[str, str]
    notes: Sequence[str] = ()
    undecided: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Traffic:
    """The clean traffic, without what was left out. Times are in Unix seconds."""

    begins_at: float
    ends_at: float
    accounts: int
    account_months: float
    median_months: float
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    threshold: float
    blocked: Rate
    held: Rate


@dataclass(frozen=True, slots=True)
class Suspect:
    """An account that would have been blocked; `at` is None where that is not known any more.

    `explained` says why it is no open question, and is empty where it is one.
    """

    account: str
    score: float
    at: float | None
    why: list[str]
    explained: str


@dataclass(frozen=True, slots=True)
class Budgets:
    """Accounts that may be blocked, and held, although nothing is wrong: in 1000 account-months."""

    blocks: float
    holds: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """`judging` has the two scores for the configuration. Suspects come with the highest score first.

    `by_holds`: too few accounts could ever have been blocked, so the threshold for a block is one that so few reach
    with whatever evidence.
    """

    traffic: Traffic
    table: list[Row]
    blocks: Choice
    by_holds: bool
    holds: Choice
    judging: dict[str, float]
    suspects: list[Suspect]
    notes: list[str]

    @property
    def raised(self) -> bool:
        """Whether the score for a block is that for a hold, because one must not be above the other."""
        return self.holds.threshold > self.blocks.threshold


def calibrate(watch: Watch, budgets: Budgets, today: Judging) -> Calibration:
    """The thresholds for these budgets; `today` has those that hold now. Raises `Impossible` where nothing was seen.

    Suspects are the accounts that reach the threshold for a block, the new one or today's: a thief among them has
    raised the new one.
    """
    if not watch.accounts:
        raise Impossible(" ".join(["there is no clean traffic to calibrate with.", *watch.notes]))
    block = [Seen(one.months, one.blockable) for one in watch.accounts]
    hold = [Seen(one.months, one.highest) for one in watch.accounts]
    blocks = choose(block, budgets.blocks, today.block_score)
    if by_holds := blocks.basis is Basis.DEFAULT:  # who is blocked has at least been held: that is rarer still
        blocks = choose(hold, budgets.blocks, today.block_score)
    holds = choose(hold, budgets.holds, today.hold_score)
    block_score = max(blocks.threshold, holds.threshold)  # both budgets are kept; hold_score must not be higher
    last = max(HIGHEST, ceil(block_score) + 1)
    return Calibration(
        traffic=_traffic(watch),
        table=[Row(float(nats), rate_at(block, nats), rate_at(hold, nats)) for nats in range(LOWEST, last + 1)],
        blocks=blocks,
        by_holds=by_holds,
        holds=holds,
        judging={"block_score": block_score, "hold_score": holds.threshold},
        suspects=_suspects(watch, min(block_score, today.block_score)),
        notes=list(watch.notes),
    )


def figure(rate: float) -> str:
    """A rate as operators read it.

    >>> figure(0.2471), figure(5.94), figure(149.6)
    ('0.25', '5.9', '150')
    """
    return f"{rate:.2g}" if rate < 10.0 else f"{rate:,.0f}"


def _traffic(watch: Watch) -> Traffic:
    months = [one.months for one in watch.accounts]
    return Traffic(
        begins_at=min(one.begins_at for one in watch.accounts),
        ends_at=max(one.ends_at for one in watch.accounts),
        accounts=len(months),
        account_months=sum(months),
        median_months=median(months),
        left_out={reason: number for reason, number in watch.left_out.items() if number},
    )


def _suspects(watch: Watch, threshold: float) -> list[Suspect]:
    found = [one for one in watch.accounts if one.blockable >= threshold or one.account in watch.undecided]
    return [
        Suspect(
            one.account,
            one.blockable,
            one.peak.at if one.peak else None,
            one.peak.why if one.peak else [],
            watch.explained.get(folded(one.account), ""),
        )
        for one in sorted(found, key=lambda one: (-one.blockable, one.account))
    ]
