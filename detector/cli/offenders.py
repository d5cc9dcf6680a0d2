"""Accounts that were hijacked again and again: their strikes, what the policy proposes, and what people decided."""

from dataclasses import dataclass

from detector.cli.office import Office
from detector.cli.page import Page
from detector.cli.words import counted, moment, since, span
from detector.incident.strike import Strike, StrikeRule
from detector.records.entries import Termination


@dataclass(frozen=True, slots=True)
class Offender:
    """An account with the strikes that count; `proposed`: the policy asks a person whether to end the service.

    `decided` is what a person decided last, None when nobody has.
    """

    account: str
    strikes: list[Strike]
    decided: Termination | None
    proposed: bool


def offender(office: Office, account: str) -> Offender:
    records, now, rule = office.records, office.clock(), rule_of(office)
    decided = records.termination(account)
    strikes = rule.counting(records.strikes(account), now)
    proposed = rule.proposes_termination(strikes, now, 0.0 if decided is None else decided.at)
    return Offender(account, strikes, decided, proposed and not (decided is not None and decided.ended))


def rule_of(office: Office) -> StrikeRule:
    return office.config.response.strikes.rule


def in_words(found: Offender) -> str:
    """What the strikes of an account ask for, or what was decided about them."""
    count = counted(len(found.strikes), "strike")
    if found.decided is not None and found.decided.ended:
        return f"{count}; the service was ended by {found.decided.actor}: {found.decided.reason}"
    if found.proposed:
        return f"{count}: the policy proposes to end the service; a person decides"
    if found.decided is not None:
        return f"{count}; the service goes on, as {found.decided.actor} decided: {found.decided.reason}"
    return count


def show_all(found: list[Offender]) -> None:
    page = Page()
    if not found:
        page.line("No account has a strike that counts.")
        return
    rows = [(one.account, str(len(one.strikes)), moment(one.strikes[-1].at), in_words(one)) for one in found]
    page.table(("ACCOUNT", ">STRIKES", "TIME OF THE LAST (UTC)", ""), rows)


def show_one(found: Offender, office: Office) -> None:
    page, now, fade_after = Page(), office.clock(), rule_of(office).fade_after
    page.line(f"{found.account}: {in_words(found)}")
    rows = [(one.incident_id, since(one.at, now), f"in {span(one.at + fade_after - now)}") for one in found.strikes]
    if rows:
        page.table(("INCIDENT", "CONFIRMED", "FADES"), rows)
