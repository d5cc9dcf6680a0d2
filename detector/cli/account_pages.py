"""Pages about accounts."""

from collections.abc import Sequence

from detector.cli.dossier import Dossier, Line, Traffic
from detector.cli.page import Page
from detector.cli.words import counted, moment, since, span
from detector.config import Judging
from detector.incident.strike import LIMIT as STRIKES_FOR_THE_END
from detector.records.records import VerdictNote


def show_lines(found: Sequence[Line], limit: int, now: float) -> None:
    page = Page()
    if not found:
        page.line("No account was seen so far, or none has such a name.")
        return
    rows = [
        (
            line.account,
            line.standing,
            f"{line.score:.1f}",
            f"{line.recipients_24h:.0f}",
            f"{span(now - line.last_mail_at)} ago" if line.last_mail_at else "never",
        )
        for line in found[:limit]
    ]
    page.table(("ACCOUNT", "STANDING", ">SCORE", ">RECIPIENTS 24 H", ">LAST MAIL"), rows)
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


def show_exemption(account: str, until: float, incident_id: str | None, unknown: str) -> None:
    """`unknown` says that the account was never seen, or is empty."""
    page = Page()
    page.line(f"{account} is exempt until {moment(until)} UTC. A running server takes it over within about a second.")
    if incident_id is not None:
        page.line(
            f"It is blocked by incident {incident_id}, and its mail passes now all the same. If that was a false "
            f"alarm: detector incidents dismiss {incident_id}"
        )
    if unknown:
        page.line(f"Is the name right? It is exempt all the same, but {unknown}")


def _standing(dossier: Dossier, now: float) -> dict[str, str]:
    incident, exemption, strikes = dossier.incident, dossier.exemption, len(dossier.strikes)
    fields = {"Standing": dossier.standing}
    if incident is not None:
        fields["Incident"] = f"{incident.incident_id}, {incident.state}, opened {since(incident.opened_at, now)}"
    if exemption is not None:
        term = "until revoked" if exemption.until is None else f"until {moment(exemption.until)} UTC"
        over = "" if exemption.holds(now) else " (over)"
        fields["Exempt"] = f"{term}{over}, by {exemption.actor}: {exemption.reason}"
    end = ": the policy proposes to end the service; a person decides" if strikes >= STRIKES_FOR_THE_END else ""
    return fields | {"Strikes": f"{strikes} within a year{end}"}


def _traffic(traffic: Traffic, now: float) -> dict[str, str]:
    return {
        "Last mail": since(traffic.last_mail_at, now),
        "Recipients": f"about {traffic.recipients_24h:.0f} within 24 hours",
        "Window": window_in_words(traffic.window_size, traffic.window_in_flight),
        "Networks": f"{counted(traffic.usual_networks, 'usual one')}, {counted(traffic.new_networks, 'new one')}",
        "Learned from": f"{counted(traffic.days, 'clean day')} with mail"
        + ("" if traffic.days else ": what is usual is still that of all accounts"),
        "Profile as of": since(traffic.written_at, now),
    }


def window_in_words(size: int, in_flight: int) -> str:
    fresh = f"{in_flight} under way or too fresh to count as clean" if in_flight else "none under way"
    under_way = f"{fresh}, {size} at a time"
    if in_flight >= size:
        return f"no room for first-time recipients now: {under_way}"
    return f"room for {counted(size - in_flight, 'more first-time recipient')}: {under_way}"


def _opinion(score: float, judging: Judging) -> str:
    scale = f"score {score:.1f}; suspicious from {judging.suspicion_score:g}, blocked from {judging.block_score:g}"
    if score >= judging.suspicion_score:
        return f"This does not look like its owner ({scale})"
    return f"{'Something is unusual' if score > 0.0 else 'Nothing speaks against it now'} ({scale})"


def _note(note: VerdictNote) -> tuple[str, ...]:
    recipients = ", ".join(f"{count} {status}" for status, count in sorted(note.recipients.items()))
    return moment(note.at), f"{note.verdict.score:.1f}", note.verdict.action.value, note.client or "unknown", recipients
