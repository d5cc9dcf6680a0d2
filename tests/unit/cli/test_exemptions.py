"""When an exemption ends, and what of it is refused."""

from datetime import UTC, datetime

import pytest
import typer

from detector.cli.exemptions import declared, end_of
from detector.verdict.declaration import Declaration

NOW = 1_000_000.0  # 1970-01-12 13:46:40 UTC
LETTER = Declaration(recipients_per_day=2000)


def test_an_end_is_given_in_days_or_as_a_time_in_utc() -> None:
    assert end_of(2, None, Declaration(), NOW) == NOW + 2 * 86_400
    assert end_of(None, datetime(1970, 1, 13), LETTER, NOW) == 12 * 86_400  # noqa: DTZ001 - as it is typed


def test_only_a_declaration_may_hold_until_it_is_revoked() -> None:
    assert end_of(None, None, LETTER, NOW) is None
    with pytest.raises(typer.BadParameter, match="it lets a thief pass too"):
        end_of(None, None, Declaration(), NOW)


def test_two_ends_or_one_in_the_past_are_refused() -> None:
    with pytest.raises(typer.BadParameter, match="either"):
        end_of(2, datetime(1970, 1, 13), LETTER, NOW)  # noqa: DTZ001
    with pytest.raises(typer.BadParameter, match="1970-01-12 13:46 UTC is over"):
        end_of(None, datetime(1970, 1, 12, 13, 46), LETTER, NOW)  # noqa: DTZ001


def test_less_for_a_day_than_for_an_hour_is_a_mistake() -> None:
    assert declared(500, 500) == Declaration(500, 500)
    assert declared(500, None) == Declaration(500, None)
    with pytest.raises(typer.BadParameter, match="200 a day leaves no hour with 500"):
        declared(500, 200)


def test_only_with_ceilings_it_may_last_longer_than_a_year() -> None:
    far = datetime(9999, 12, 31)  # noqa: DTZ001 - as it was typed
    with pytest.raises(typer.BadParameter, match="366 days at most"):
        end_of(None, far, Declaration(), 1000.0)
    assert end_of(None, far, Declaration(None, 2000), 1000.0) == far.replace(tzinfo=UTC).timestamp()
