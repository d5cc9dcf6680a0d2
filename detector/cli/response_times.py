"""How long a freeze of the containments lasts."""

from datetime import UTC, datetime

import typer

from detector.cli.words import HOUR

MOST_HOURS = 24 * 31


def end_of_freeze(hours: float | None, until: datetime | None, now: float) -> float:
    """Unix seconds. Raises `typer.BadParameter`: one that nobody ends would leave every thief his password."""
    if (hours is None) == (until is None):
        raise typer.BadParameter("say with either --for or --until when it ends", param_hint="--for")
    if hours is not None:
        return now + hours * HOUR
    end = 0.0 if until is None else until.replace(tzinfo=UTC).timestamp()
    if end <= now:
        raise typer.BadParameter(f"{until:%Y-%m-%d %H:%M} UTC is over", param_hint="--until")
    if end > now + MOST_HOURS * HOUR:
        raise typer.BadParameter(f"a freeze lasts {MOST_HOURS} hours at most", param_hint="--until")
    return end
