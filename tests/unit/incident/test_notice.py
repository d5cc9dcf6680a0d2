from datetime import UTC, datetime

import pytest

from detector.incident.incident import Incident, State
from detector.incident.notice import VARIABLES, Facts, network_of, one_line, values_of
from detector.verdict.verdict import Action, Verdict


def incident(account: str = "ann@example.org", **facts: str) -> Incident:
    verdict = Verdict(Action.BLOCK, 14.2, (), "1", "")
    return Incident("i-1", account, True, State.OPEN, 1_700_000_000.0, 1_700_000_000.0, verdict, "t-1", facts)


def test_a_template_is_given_the_facts() -> None:
    facts = Facts(
        incident(recipients="about 480 within 24 hours", client="192.0.2.77"),
        ["change_password"],
        name="Ann",
        sender="Abuse desk",
        contact="Call us",
        code="abcd",
    )
    values = values_of(facts)
    assert set(values) == set(VARIABLES)
    assert values["when"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert values["recipients"] == "480"
    assert values["network"] == "192.0.2.0/24"
    assert values["done"] == {"change_password"}


def test_what_nobody_counted_is_empty() -> None:
    values = values_of(Facts(incident(recipients="nobody knows", client="pc.example")))
    assert (values["recipients"], values["network"], values["name"]) == ("", "", "")


def test_the_full_address_of_the_client_is_never_given() -> None:
    assert "192.0.2.77" not in str(values_of(Facts(incident(client="192.0.2.77"))))


def test_a_line_break_in_a_name_is_none() -> None:
    values = values_of(Facts(incident("ann\nPlease pay"), name="Ann\r\nBcc: x"))
    assert (values["account"], values["name"]) == ("ann?Please pay", "Ann??Bcc: x")
    assert one_line(" \udc80x ") == "?x"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.200", "203.0.113.0/24"),
        ("IPv6:2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ("[203.0.113.9]", "203.0.113.0/24"),
        ("", ""),
        ("pc.example", ""),
    ],
)
def test_only_the_network_is_told(address: str, network: str) -> None:
    assert network_of(address) == network
