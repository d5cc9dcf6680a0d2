"""Pages about accounts."""

from collections.abc import Sequence

from detector.cli.dossier import Dossier, Line, Traffic, Weeks
from detector.cli.offenders import in_words
from detector.cli.page import Page
from detector.cli.words import counted, moment, since, span
from detector.config import Judging
from detector.records.records import Exemption, VerdictNote
from detector.traffic.cohort import Cohort


def show_lines(found: Sequence[Line], limit: int, now: float) -> None:
    page = Page()
    if not found:
        page.line("No account was seen so far, or none has such a name.")
        return
    columns: tuple[str, ...] = ("ACCOUNT", "STANDING", ">SCORE", ">RECIPIENTS 24 H", ">LAST MAIL", "COHORT", "DECLARED")
    rows = [_row(line, now) for line in found[:limit]]
    while not any(row[-1] for row in rows):  # nobody has declared anything: the table is narrower
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    page.table(columns, rows)
    if len(found) > limit:
        page.line(f"... and {counted(len(found) - limit, 'more account')}; --limit shows more, a part of a name fewer.")


def show_dossier(dossier: Dossier, judging: Judging, now: float) -> None:
    page = Page()
    page.heading(dossier.account)
    page.fields(_standing(dossier, now) | (_traffic(dossier.traffic, now) if dossier.traffic else {}))
    if dossier.traffic is None:
        page.line("No mail of this account was seen so far.")
    else:
        page.heading(_opinion(dossier.traffic.verdict.score, judging))
        page.bullets(dossier.traffic.explanation)
    if dossier.verdicts:
        page.heading("Suspicious mail, newest first")
        page.table(("TIME (UTC)", ">SCORE", "ACTION", "CLIENT", "RECIPIENTS"), map(_note, dossier.verdicts))


def _row(line: Line, now: float) -> tuple[str, ...]:
    hourly, daily = line.recipients_per_hour, line.recipients_per_day
    return (
        line.account,
        line.standing,
        f"{line.score:.1f}",
        f"{line.recipients_24h:.0f}",
        f"{span(now - line.last_mail_at)} ago" if line.last_mail_at else "never",
        line.cohort,
        " ".join(([f"{hourly}/h"] if hourly else []) + ([f"{daily}/d"] if daily else [])),
    )


def show_exemption(exemption: Exemption, incident_id: str | None, unknown: str) -> None:
    """`unknown` says that the account was never seen, or is empty."""
    page = Page()
    account = exemption.account
    upto = f" for {exemption.declaration}" if exemption.declaration else ""
    page.line(f"{account} is exempt {_term(exemption)}{upto}. A running server takes it over within about a second.")
    if incident_id is not None and exemption.declaration:
        page.line(
            f"It is blocked by incident {incident_id}, and stays so: a declaration does not lift a block. If that was "
            f"a false alarm: detector incidents dismiss {incident_id}"
        )
    elif incident_id is not None:
        page.line(
            f"It is blocked by incident {incident_id}, and its mail passes now all the same. If that was a false "
            f"alarm: detector incidents dismiss {incident_id}"
        )
    if unknown:
        page.line(f"Is the name right? It is exempt all the same, but {unknown}")


def show_cohort(account: str, assigned: Cohort | None, unknown: str) -> None:
    """`unknown` says that the account was never seen, or is empty."""
    page = Page()
    told = "left to its own mail again" if assigned is None else f"{assigned} from now on"
    page.line(f"The cohort of {account} is {told}. A running server takes it over within about a second.")
    if unknown:
        page.line(f"Is the name right? It is noted all the same, but {unknown}")


def _term(exemption: Exemption) -> str:
    return "until revoked" if exemption.until is None else f"until {moment(exemption.until)} UTC"


def _standing(dossier: Dossier, now: float) -> dict[str, str]:
    incident, exemption = dossier.incident, dossier.exemption
    fields = {"Standing": dossier.standing}
    if incident is not None:
        fields["Incident"] = f"{incident.incident_id}, {incident.state}, opened {since(incident.opened_at, now)}"
    if exemption is not None:
        over = "" if exemption.holds(now) else " (over)"
        terms = ", ".join(filter(None, (_term(exemption) + over, str(exemption.declaration))))
        fields["Exempt"] = f"{terms}, by {exemption.actor}: {exemption.reason}"
    fields["Cohort"] = cohort_in_words(dossier.cohort, dossier.traffic.learned_cohort if dossier.traffic else "")
    if dossier.held:
        fields["Held mail"] = f"{counted(dossier.held, 'message')}: detector held list --account {dossier.account}"
    return fields | {"Strikes": in_words(dossier.strikes)}


def cohort_in_words(assigned: str, learned: str) -> str:
    """Either may be empty: nobody said, or its mail has not told yet."""
    if assigned:
        return f"{assigned}, as a person said" + (f"; its own mail tells: {learned}" if learned else "")
    return f"{learned}, as its own mail tells" if learned else f"{Cohort.PERSON}, until its own mail tells more"


def _traffic(traffic: Traffic, now: float) -> dict[str, str]:
    return {
        "Last mail": since(traffic.last_mail_at, now),
        "Recipients": f"about {traffic.recipients_24h:.0f} within 24 hours",
        "Window": window_in_words(traffic.window_size, traffic.window_in_flight),
        "Networks": f"{counted(traffic.usual_networks, 'usual one')}, {counted(traffic.new_networks, 'new one')}",
        "Learned from": f"{counted(traffic.days, 'clean day')} with mail"
        + ("" if traffic.days else ": what is usual is still that of all accounts"),
        "Last weeks": weeks_in_words(traffic.reputation),
        "Profile as of": since(traffic.written_at, now),
    }


def weeks_in_words(weeks: Weeks) -> str:
    """What became of the mail; half of it is forgotten in four weeks."""
    sent = f"of about {weeks.sent:.0f} recipients"
    if weeks.bounce_share is None or weeks.complaint_share is None or weeks.deferred_share is None:
        told = f"{sent} {weeks.bounced:.0f} bounced and {weeks.complained:.0f} complained: too few to tell shares"
        deferred = f"{weeks.deferred:.0f}" if weeks.deferred >= 0.5 else ""
    else:
        told = f"{sent} {weeks.bounce_share:.1%} bounced and {weeks.complaint_share:.2%} complained"
        deferred = f"{weeks.deferred_share:.1%}" if weeks.deferred_share >= 0.001 else ""
    told += f"; {deferred} were put off for a while" if deferred else ""
    return told + (f"; {counted(weeks.complainers, 'complainer')} of half a year" if weeks.complainers else "")


def window_in_words(size: int, in_flight: int) -> str:
    fresh = f"{in_flight} under way or too fresh to count as clean" if in_flight else "none under way"
    under_way = f"{fresh}, {size} at a time"
    if in_flight >= size:
        return f"no room for first-time recipients now: {under_way}"
    return f"room for {counted(size - in_flight, 'more first-time recipient')}: {under_way}"


def _opinion(score: float, judging: Judging) -> str:
    scale = f"score {score:.1f}; held from {judging.hold_score:g}, blocked from {judging.block_score:g}"
    if score >= judging.hold_score:
        return f"This does not look like its owner ({scale})"
    return f"{'Something is unusual' if score > 0.0 else 'Nothing speaks against it now'} ({scale})"


def _note(note: VerdictNote) -> tuple[str, ...]:
    recipients = ", ".join(f"{count} {status}" for status, count in sorted(note.recipients.items()))
    return moment(note.at), f"{note.verdict.score:.1f}", note.verdict.action.value, note.client or "unknown", recipients
