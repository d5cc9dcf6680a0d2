"""The findings of a replay as one HTML page that needs nothing but itself."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from detector.replay.findings import HOUR, HOURS_AFTER, HOURS_BEFORE, MOST_HOLDS, Findings, Hold, Stop
from detector.replay.pictures import bars
from detector.traffic.clock import DAY

MOST_BARS = 366
PICTURES_AT_MOST = 200  # stops with a picture of their own; a page that no browser opens helps nobody
NOTHING = "Nothing could be judged: the record has no mail of an account."
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 2rem 0 0; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; text-align: left; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } tr.chosen { background: #fdecea; }
svg { width: 100%; height: auto; margin: .5rem 0; } svg text { font-size: 11px; fill: #666; }
.right { text-anchor: end; } .axis { stroke: #999; } .bar { fill: #4a78a8; } rect.marked { fill: #c0392b; }
line.mark { stroke: #c0392b; stroke-dasharray: 3 2; } svg text.mark { fill: #c0392b; } .quiet { color: #666; }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #ddd; } tr.chosen { background: #4a2320; }
th, td { border-color: #444; } svg text, .quiet { fill: #aaa; color: #aaa; } }
"""


def html_page(findings: Findings, notes: Sequence[str]) -> str:
    """The whole page; `notes` are sentences about the reading itself. Everything from the record is escaped."""
    parts = [
        "<h1>Who would have been stopped</h1>",
        f'<p class="quiet">{escape(_period(findings))}</p>',
        _summary(findings),
        *[f'<p class="quiet">{escape(note)}</p>' for note in notes],
        *(_judged(findings) if findings.accounts else [f"<p>{NOTHING}</p>"]),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Replay</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style></head>\n<body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _judged(findings: Findings) -> Iterable[str]:
    yield f"<h2>Recipients by day</h2>{_days(findings)}"
    yield f"<h2>What other thresholds would have done</h2>{_costs(findings)}"
    yield from _stops(findings.stops)
    yield from _holds(findings)


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _period(findings: Findings) -> str:
    if not findings.accounts:
        return "Nothing was judged"
    return f"{moment(findings.begins_at)} to {moment(findings.ends_at)}, times in UTC unless the record has none"


def _summary(findings: Findings) -> str:
    if not findings.accounts:
        return ""
    rows = (
        ("Accounts that would have been stopped", f"{len(findings.stops):,}"),
        ("Recipients reached after their stops", f"{sum(stop.recipients_after for stop in findings.stops):,}"),
        ("Accounts with mail that would have been held", f"{findings.held_accounts:,}"),
        ("Messages that would have been held", f"{findings.held_messages:,}"),
        ("Accounts", f"{findings.accounts:,}"),
        ("Account-months", f"{findings.account_months:,.1f}"),
        ("Messages", f"{findings.messages:,}"),
        ("Recipients", f"{findings.recipients:,}"),
        ("of these refused", f"{findings.refused:,}"),
        ("would have waited for room in the window", f"{findings.waited:,}"),
    )
    return _table((), rows)


def _days(findings: Findings) -> str:
    days = findings.recipients_by_day
    first, last = min(days), max(days)
    width = (last - first) // MOST_BARS + 1  # days in a bar
    counts = [0] * ((last - first) // width + 1)
    for day, count in days.items():
        counts[(day - first) // width] += count
    titles = [f"{_day(first + place * width)}: {count:,} recipients" for place, count in enumerate(counts)]
    marked = {(int(stop.at // DAY) - first) // width: "" for stop in findings.stops}
    return bars(counts, titles, (_day(first), _day(last)), marked)


def _costs(findings: Findings) -> str:
    rows = [
        (
            f"{cost.threshold:g}",
            f"{cost.accounts:,}",
            f"{cost.per_1000_account_months:,.1f}",
            f"{cost.median_recipients_before:,.0f}" if cost.accounts else "",
        )
        for cost in findings.costs
    ]
    place = next(n for n, cost in enumerate(findings.costs) if cost.threshold == findings.block_score)
    picture = bars(
        [cost.accounts for cost in findings.costs],
        [f"from {cost.threshold:g} nats: {cost.accounts:,} accounts" for cost in findings.costs],
        (f"{findings.costs[0].threshold:g} nats", f"{findings.costs[-1].threshold:g} nats"),
        {place: "in use"},
    )
    columns = (
        "Block from (nats)",
        "Accounts stopped",
        "per 1000 account-months",
        "Median recipients in the day before",
    )
    words = (
        f"This replay blocked from {findings.block_score:g} nats. A lower threshold stops hijacked accounts earlier, "
        "and more innocent ones."
    )
    return f"<p>{words}</p>{picture}{_table(columns, rows, chosen=place)}"


def _stops(stops: Sequence[Stop]) -> Iterable[str]:
    yield "<h2>The accounts</h2>"
    if not stops:
        yield "<p>No account would have been stopped.</p>"
    for stop in stops[:PICTURES_AT_MOST]:
        why = "".join(f"<li>{escape(line)}</li>" for line in stop.why)
        yield (
            f"<h3>{escape(_printable(stop.account))}</h3>"
            f"<p>Stopped {moment(stop.at)} with {stop.score:.1f} nats, after {stop.recipients_before:,} recipients in "
            f"24 hours; {stop.recipients_after:,} more were reached since.</p>{_hours(stop)}<ul>{why}</ul>"
        )
    if len(stops) > PICTURES_AT_MOST:
        yield f"<p>and {len(stops) - PICTURES_AT_MOST:,} more: the JSON report has them all.</p>"


def _holds(findings: Findings) -> Iterable[str]:
    yield "<h2>Mail that would have been held</h2>"
    if not findings.holds:
        yield "<p>No mail would have been held.</p>"
    if findings.held_accounts > MOST_HOLDS:
        yield f"<p>The {MOST_HOLDS} accounts with most of it, of {findings.held_accounts:,}:</p>"
    for hold in findings.holds:
        yield f"<h3>{escape(_printable(hold.account))}</h3>{_hold(hold)}"


def _hold(hold: Hold) -> str:
    messages = f"{hold.messages:,} message{'' if hold.messages == 1 else 's'}"
    why = "".join(f"<li>{escape(line)}</li>" for line in hold.why)
    return f"<p>{messages}, the first {moment(hold.at)} with {hold.score:.1f} nats.</p><ul>{why}</ul>"


def _hours(stop: Stop) -> str:
    at = int(stop.at // HOUR)
    span = range(at - HOURS_BEFORE, at + HOURS_AFTER + 1)
    titles = [f"{moment(hour * HOUR)}: {stop.hours.get(hour, 0):,} recipients" for hour in span]
    ends = moment(span[0] * HOUR), moment(span[-1] * HOUR)
    return bars([stop.hours.get(hour, 0) for hour in span], titles, ends, {HOURS_BEFORE: "stopped"})


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], chosen: int = -1) -> str:
    head = "".join(f'<th class="number">{escape(column)}</th>' for column in columns)
    body = "".join(_row(row, place == chosen) for place, row in enumerate(rows))
    return f"<table><tr>{head}</tr>{body}</table>" if columns else f"<table>{body}</table>"


def _row(cells: Sequence[str], chosen: bool) -> str:
    return (
        ('<tr class="chosen">' if chosen else "<tr>")
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
    )


def _day(day: int) -> str:
    return moment(day * DAY)[:10]


def _printable(text: str) -> str:
    # Surrogate escapes cannot be written as UTF-8.
    return "".join(character if character.isprintable() else "?" for character in text)
