"""The table of codes: complete where standards are, honest about its sources."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.status_codes import BY_DETAIL, BY_REPLY, ENHANCED_CODE, Cause, by_reply, by_status


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("5.1.1", Cause.NO_SUCH_USER),
        ("4.1.1", Cause.TEMPORARY),
        ("4.2.2", Cause.MAILBOX_FULL),
        ("5.7.1", Cause.POLICY),
        ("4.7.1", Cause.TEMPORARY),
        ("5.7.25", Cause.REPUTATION),
        ("5.7.606", Cause.REPUTATION),
        ("4.4.7", Cause.TEMPORARY),
        ("5.1.10", Cause.NO_SUCH_USER),
        ("5.3.4", Cause.OTHER),
    ],
)
def test_a_code_means_what_the_standard_says(status: str, cause: Cause) -> None:
    assert by_status(status) is cause


@pytest.mark.parametrize("status", ["", "2.1.5", "5", "x.y.z", "250", "5.9.1"])
def test_what_is_no_code_of_a_failure_means_nothing(status: str) -> None:
    assert by_status(status) is None


def test_a_code_that_nobody_registered_counts_as_the_general_one_of_its_subject() -> None:
    assert by_status("5.7.999") is by_status("5.7.0")


def test_each_row_names_its_source() -> None:
    sources = [row[2] for row in BY_DETAIL.values()] + [row[1] for row in BY_REPLY.values()]
    assert all(re.match(r"RFC \d{4}|IANA|Microsoft", source) for source in sources)


def test_all_codes_of_the_first_standard_are_there() -> None:
    last_details = {0: 0, 1: 8, 2: 4, 3: 5, 4: 7, 5: 5, 6: 5, 7: 7}  # RFC 3463 section 3
    wanted = {f"{subject}.{detail}" for subject, last in last_details.items() for detail in range(last + 1)}
    assert wanted <= BY_DETAIL.keys()


@given(st.integers(0, 999))
def test_a_reply_code_has_a_cause_exactly_if_it_is_negative(code: int) -> None:
    assert (by_reply(code) is not None) == (400 <= code < 600)


@pytest.mark.parametrize("text", ["host 15.1.1.7", "Exim v4.1.10", "from 5.1.1.2 at noon", "4.9.1"])
def test_addresses_and_versions_are_no_codes(text: str) -> None:
    assert ENHANCED_CODE.search(text) is None
