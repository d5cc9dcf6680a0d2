"""The report of a replay on the terminal."""

from collections.abc import Sequence

from detector.cli.page import Page
from detector.cli.words import counted, moment
from detector.replay.findings import MOST_HOLDS, Findings

COLUMNS = (">BLOCK FROM", ">ACCOUNTS STOPPED", ">PER 1000 ACCOUNT-MONTHS", ">MEDIAN RECIPIENTS IN 24 H BEFORE", "")
MOST_STOPS = 20
MOST_REASONS = 4


def show(findings: Findings, notes: Sequence[str]) -> None:
    page = Page()
    if not findings.accounts:
        page.heading("Nothing could be judged: the record has no mail of an account")
        for note in notes:
            page.line(note, "dim")
        return
    page.heading("What was replayed")
    page.fields(
        {
            "From": moment(findings.begins_at),
            "To": moment(findings.ends_at),
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
    _holds(page, findings)


def _costs(page: Page, findings: Findings) -> None:
    page.heading(f"What other thresholds would have done (this replay: {findings.block_score:g} nats)")
    rows = [
        (
            f"{cost.threshold:g}",
            f"{cost.accounts:,}",
            f"{cost.per_1000_account_months:,.1f}",
            f"{cost.median_recipients_before:,.0f}" if cost.accounts else "",
            "<- in use" if cost.threshold == findings.block_score else "",
        )
        for cost in findings.costs
    ]
    page.table(COLUMNS, rows)


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


def _holds(page: Page, findings: Findings) -> None:
    if not findings.holds:
        page.heading("No mail would have been held")
        return
    messages = counted(findings.held_messages, "message")
    page.heading(f"{messages} of {counted(findings.held_accounts, 'account')} would have been held")
    if findings.held_accounts > MOST_HOLDS:
        page.line(f"The {MOST_HOLDS} accounts with most of it:")
    for hold in findings.holds:
        page.heading(hold.account)
        page.line(f"{counted(hold.messages, 'message')}, the first {moment(hold.at)}, {hold.score:.1f} nats")
        page.bullets([*hold.why[:-1][:MOST_REASONS], *hold.why[-1:]])  # the last one is the sum
