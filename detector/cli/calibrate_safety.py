"""Whether it is safe to enforce, in words, with the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from detector.cli.calibrate_result import Calibration, figure
from detector.cli.words import counted
from detector.replay.maxima import Watched
from detector.traffic.clock import DAY
from detector.verdict.calibration import Basis
from detector.verdict.tail import LEAST, SHARE

DAYS = 14  # then a profile rests on its own days more than on those of others, and has seen both kinds of week
MOST_ACCOUNTS = 0.8  # customers come and go: there are always young accounts
WORST = 5.0  # budgets: beyond that, the continued tail rests on too few accounts to promise anything


@dataclass(frozen=True, slots=True)
class Reason:
    """`speaks_for` enforcing, or against it."""

    speaks_for: bool
    text: str


@dataclass(frozen=True, slots=True)
class Safety:
    """The answer: safe if no reason speaks against it."""

    safe: bool
    reasons: list[Reason]


def judge_safety(calibration: Calibration, accounts: Sequence[Watched], now: float) -> Safety:
    """Whether the thresholds of this calibration can be enforced at `now` (Unix seconds)."""
    reasons = [_traffic(calibration), _age(accounts, now), _suspects(calibration)]
    return Safety(all(reason.speaks_for for reason in reasons), reasons)


def _traffic(calibration: Calibration) -> Reason:
    choice = calibration.blocks
    seen = f"{choice.months:,.0f} account-months of clean traffic"
    if choice.basis is Basis.MEASURED:
        return Reason(True, f"{seen} keep the budget with 95 % confidence")
    if choice.basis is Basis.DEFAULT:
        least = round(LEAST / SHARE)
        return Reason(
            False,
            f"{seen} say too little: fewer than {LEAST} accounts were ever suspicious enough, or there are fewer "
            f"than {least} accounts. Look on for longer",
        )
    rest = f"the rest is extrapolated: {figure(choice.rate.expected)} expected, {figure(choice.rate.at_most)} at worst"
    if choice.rate.at_most <= WORST * choice.budget:
        return Reason(
            True, f"{seen} are enough to extrapolate ({choice.months_needed:,.0f} would be a promise); {rest}"
        )
    return Reason(False, f"{seen} are too few, and {rest}. Look on for longer, or allow a larger budget")


def _age(accounts: Sequence[Watched], now: float) -> Reason:
    old = sum(now - one.begins_at >= DAYS * DAY for one in accounts)
    share = old / len(accounts)
    enough = share >= MOST_ACCOUNTS
    wanted = "" if enough else f"; it should be {100.0 * MOST_ACCOUNTS:.0f} %"
    return Reason(enough, f"{100.0 * share:.0f} % of the accounts have been seen for {DAYS} days{wanted}")


def _suspects(calibration: Calibration) -> Reason:
    open_questions = sum(not suspect.explained for suspect in calibration.suspects)
    if not open_questions:
        return Reason(True, "no account that would have been blocked is an open question")
    return Reason(
        False,
        f"{counted(open_questions, 'account')} would have been blocked, and nobody has said whether rightly: look at "
        f"each, then name it with --taken-over or --innocent (or decide its incident, or declare its bulk mail)",
    )
