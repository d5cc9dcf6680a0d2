"""What an operator types about an exemption: how long, and up to how much."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from detector.cli.words import DAY
from detector.verdict.declaration import Declaration

MOST_DAYS = 366
MOST_RECIPIENTS = 10_000_000  # a database counts up to 2**31

Days = Annotated[int | None, typer.Option(min=1, max=MOST_DAYS, metavar="N", help="For so many days from now.")]
Until = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        metavar="TIME",
        help="Until the beginning of this day (2027-01-31), or this minute (2027-01-31T18:00), in UTC.",
    ),
]
PerHour = Annotated[
    int | None, typer.Option(min=1, max=MOST_RECIPIENTS, metavar="N", help="Only while it keeps within this.")
]
PerDay = Annotated[
    int | None, typer.Option(min=1, max=MOST_RECIPIENTS, metavar="N", help="Only while it keeps within this.")
]


def declared(per_hour: int | None, per_day: int | None) -> Declaration:
    """Raises `typer.BadParameter`."""
    if per_hour is not None and per_day is not None and per_day < per_hour:
        raise typer.BadParameter(
            f"{per_day} a day leaves no hour with {per_hour}: is one of them wrong?", param_hint="--recipients-per-day"
        )
    return Declaration(per_hour, per_day)


def end_of(days: int | None, until: datetime | None, declaration: Declaration, now: float) -> float | None:
    """Unix seconds, None for until revoked. Raises `typer.BadParameter`."""
    if days is not None and until is not None:
        raise typer.BadParameter("give either --days or --until", param_hint="--until")
    if days is not None:
        return now + days * DAY
    if until is not None:
        end = until.replace(tzinfo=UTC).timestamp()
        if end <= now:
            raise typer.BadParameter(f"{until:%Y-%m-%d %H:%M} UTC is over", param_hint="--until")
        if end > now + MOST_DAYS * DAY and not declaration:
            raise typer.BadParameter(
                f"without ceilings it lasts {MOST_DAYS} days at most: it lets a thief pass too", param_hint="--until"
            )
        return end
    if not declaration:
        raise typer.BadParameter(
            "say with --days or --until when it ends: it lets a thief pass too. A declaration with "
            "--recipients-per-hour or --recipients-per-day may hold until it is revoked",
            param_hint="--days",
        )
    return None
