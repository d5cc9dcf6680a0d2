"""The report of a replay on the terminal."""

from collections.abc import Sequence

from detector.cli.page import Page
from detector.cli.words import counted, moment
from detector.replay.findings import Findings

MOST_STOPS = 20


def show(findings: Findings, notes: Sequence[str]) -> None:
    page = Page()
    page.heading("What was replayed")
    page.fields(
        {
            "From": moment(findings.begins_at) if findings.accounts else "",
            "To": moment(findings.ends_at) if findings.accounts else "",
            "Accounts": f"{findings.accounts:,} ({findings.account_months:,.1f} account-months)",
            "Messages": f"{findings.messages:,}",
            "Recipients": f"{findings.recipients:,}, {findings.refused:,} of them refused",
            "Would wait": f"{findings.waited:,} recipients, for room in the windows of their accounts",
        }
    )
    for note in notes:
        page.line(note, "dim")
    _costs(page, findings)
    _stops(page, findings)


def _costs(page: Page, findings: Findings) -> None:
    page.heading(f"What other thresholds would have done (this replay: {findings.block_score:g} nats)")
    rows = [
        (
            f"{cost.threshold:g}",
            f"{cost.accounts:,}",
            f"{cost.per_1000_account_months:,.1f}",
            f"{cost.median_recipients_before:,.0f}" if cost.accounts else "",
        )
        for cost in findings.costs
    ]
    page.table(
        (">BLOCK FROM", ">ACCOUNTS STOPPED", ">PER 1000 ACCOUNT-MONTHS", ">MEDIAN RECIPIENTS IN 24 H BEFORE"), rows
    )


def _stops(page: Page, findings: Findings) -> None:
    if not findings.stops:
        page.heading("No account would have been stopped")
        return
    page.heading(f"{counted(len(findings.stops), 'account')} would have been stopped")
    for stop in findings.stops[:MOST_STOPS]:
        page.heading(stop.account)
        page.line(
            f"{moment(stop.at)}, {stop.score:.1f} nats, after {counted(stop.recipients_before, 'recipient')} in 24 "
            f"hours; {stop.recipients_after:,} more were reached since"
        )
        page.bullets(stop.why)
    if len(findings.stops) > MOST_STOPS:
        page.line(f"... and {len(findings.stops) - MOST_STOPS:,} more; --json and --html have them.")
