"""The report of a calibration on the terminal."""

from detector.cli.calibrate_result import Calibration, Suspect, figure
from detector.cli.calibrate_safety import Safety
from detector.cli.page import Page
from detector.cli.words import counted, moment
from detector.verdict.calibration import Basis, Choice, Rate

MOST_SUSPECTS = 20
MOST_REASONS = 4
COLUMNS = (">FROM", ">BLOCKED", ">PER 1000", ">AT MOST", ">HELD", ">PER 1000", ">AT MOST")


def show(calibration: Calibration, safety: Safety | None) -> None:
    page = Page()
    _traffic(page, calibration)
    page.heading("What thresholds would do")
    page.table(COLUMNS, [(f"{row.threshold:g}", *_rate(row.blocked), *_rate(row.held)) for row in calibration.table])
    page.line("  Innocent accounts, then in 1000 account-months: seen, and at most (with 95 % confidence).", "dim")
    _choices(page, calibration)
    _suspects(page, calibration.suspects, live=safety is not None)
    if safety is not None:
        _safety(page, safety)


def _safety(page: Page, safety: Safety) -> None:
    """Under a no only what speaks against it; the good news of it stand apart."""
    page.heading(f"Safe to enforce: {'yes' if safety.safe else 'no'}, because")
    page.bullets(f"{one.text}." for one in safety.reasons if one.speaks_for is safety.safe)
    good_news = [f"{one.text}." for one in safety.reasons if one.speaks_for]
    if good_news and not safety.safe:
        page.line("What speaks for it already:")
        page.bullets(good_news)


def _traffic(page: Page, calibration: Calibration) -> None:
    traffic = calibration.traffic
    left_out = ", ".join(f"{number:,} ({reason})" for reason, number in traffic.left_out.items())
    page.heading("What was seen")
    page.fields(
        {
            "From": moment(traffic.begins_at),
            "To": moment(traffic.ends_at),
            "Accounts": f"{traffic.accounts:,}, {traffic.account_months:,.1f} account-months, "
            f"median {traffic.median_months:.1f} months each",
            "Left out": left_out,
        }
    )
    for note in calibration.notes:
        page.line(note, "dim")


def _rate(rate: Rate) -> tuple[str, str, str]:
    return f"{rate.accounts:,}", f"{rate.expected:,.2f}", f"{rate.at_most:,.2f}"


def _choices(page: Page, calibration: Calibration) -> None:
    blocks, holds = calibration.blocks, calibration.holds
    page.heading(f"For {blocks.budget:g} false blocks and {holds.budget:g} false holds in 1000 account-months")
    page.bullets(
        [f"block from {blocks.threshold:g}: {_basis(blocks)}", f"hold from {holds.threshold:g}: {_basis(holds)}"]
    )
    if calibration.raised:
        page.line(
            "A block must not come before a hold: its score is raised to that of a hold, and is rarer than asked."
        )
    if calibration.by_holds and blocks.basis is not Basis.DEFAULT:
        page.line("Too few accounts could ever have been blocked: this is how often accounts are so suspicious at all.")
    page.line("For the configuration:")
    page.command("[judging]")
    for name, score in calibration.judging.items():
        page.command(f"{name} = {score!r}")


def _basis(choice: Choice) -> str:
    rate = choice.rate
    if choice.basis is Basis.MEASURED:
        reached = counted(rate.accounts, "account")
        return f"measured. {reached} reached it, so at most {figure(rate.at_most)} with 95 % confidence"
    needed = f"{choice.months_needed:,.0f} account-months without any would be a promise"
    if choice.basis is Basis.EXTRAPOLATED:
        expected = f"{figure(rate.expected)} expected, {figure(rate.at_most)} at worst"
        return f"EXTRAPOLATED from the most suspicious tenth of the accounts: {expected}; {needed}"
    return f"as it is today, too little was seen to say more: at most {figure(rate.at_most)}; {needed}"


def _suspects(page: Page, suspects: list[Suspect], live: bool) -> None:
    if not suspects:
        page.heading("No account would have been blocked, today's threshold included")
        return
    page.heading(f"{counted(len(suspects), 'account')} would have been blocked")
    page.line("Was one taken over? Leave it out with --taken-over ACCOUNT: it raises the thresholds.")
    for suspect in suspects[:MOST_SUSPECTS]:
        page.heading(suspect.account)
        when = moment(suspect.at) if suspect.at is not None else "when and why is not on record any more"
        explained = f"; {suspect.explained}" if suspect.explained else ""
        page.line(f"{suspect.score:.1f} nats, {when}{explained}")
        page.bullets([*suspect.why[:-1][:MOST_REASONS], *suspect.why[-1:]])  # the last one is the sum
    if len(suspects) > MOST_SUSPECTS:
        page.line(f"... and {len(suspects) - MOST_SUSPECTS:,} more{'' if live else '; --json has them'}.")
