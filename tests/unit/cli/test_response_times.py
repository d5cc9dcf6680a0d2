from datetime import datetime

import pytest
import typer

from detector.cli.response_times import end_of_freeze


def test_a_freeze_ends_after_hours_or_at_a_minute_in_utc() -> None:
    assert end_of_freeze(1.5, None, 1000.0) == 6400.0
    assert end_of_freeze(None, datetime(1970, 1, 1, 1, 0), 1000.0) == 3600.0  # noqa: DTZ001 - as it was typed


def test_a_freeze_that_is_as_good_as_endless_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="744 hours at most"):
        end_of_freeze(None, datetime(9999, 12, 31), 1000.0)  # noqa: DTZ001 - as it was typed


def test_a_freeze_does_not_begin_at_its_end() -> None:
    with pytest.raises(typer.BadParameter, match="is over"):
        end_of_freeze(None, datetime(1970, 1, 1, 1, 0), 3600.0)  # noqa: DTZ001 - as it was typed
