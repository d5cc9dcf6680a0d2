from dataclasses import replace

import pytest

from detector.ports import Contact
from detector.response.contact import complaints, contact_of, is_hijacked, ways, without_hijacked_ways


def test_named_values_make_a_contact() -> None:
    values = {
        "address": " ann@private.example ",
        "name": "Ann\n Lee",
        "language": "pt_BR",
        "telephone": "+43 (0)1 / 555-0100",
        "postal_address": "  Main Street 1 \r\n\r\n Springfield ",
        "colour": "blue",
    }
    expected = Contact("ann", "ann@private.example", "Ann Lee", "pt-BR", "+4315550100", "Main Street 1\nSpringfield")
    assert contact_of("ann", values) == expected
    assert complaints("ann", values) == []


@pytest.mark.parametrize("way", [{"address": "a@b"}, {"telephone": 15550100}, {"postal_address": "Main Street 1"}])
def test_one_way_is_enough(way: dict[str, object]) -> None:
    assert ways(contact_of("ann", {**way, "name": None})) == list(way)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({}, "no address or telephone or postal_address for account 'ann'"),
        ({"name": "Ann"}, "no address or telephone or postal_address for account 'ann'"),
        ({"address": "nowhere"}, "'nowhere' is not an address for account 'ann'"),
        ({"address": ["a@b"]}, r"\['a@b'\] is not a text for account 'ann'"),
        ({"telephone": "ask Bob"}, "'ask Bob' is not a telephone number for account 'ann'"),
        ({"telephone": "+1 555 0100\nBcc: x"}, "is not a telephone number"),
        (["a@b"], "not a set of named values"),
        ({"address": "a@b", None: ["one too many"]}, "not a set of named values"),
    ],
)
def test_what_reaches_nobody_is_no_contact(values: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        contact_of("ann", values)


def test_an_account_without_a_name_is_no_contact() -> None:
    with pytest.raises(ValueError, match="no account"):
        contact_of("", {"address": "a@b"})


def test_a_value_that_cannot_be_used_is_left_out_and_told() -> None:
    values = {"address": "a@b", "telephone": "ask Bob", "language": "German, I think"}
    assert contact_of("ann", values) == Contact("ann", "a@b")
    assert complaints("ann", values) == [
        "'German, I think' is not a language tag such as de or pt-BR for account 'ann'",
        "'ask Bob' is not a telephone number for account 'ann'",
    ]


def test_the_way_into_the_hijacked_mailbox_is_none() -> None:
    contact = Contact("ann@example.org", "Ann@Example.Org", telephone="+15550100")
    assert without_hijacked_ways(contact) == replace(contact, address="")
    elsewhere = Contact("ann@example.org", "ann@private.example")
    assert without_hijacked_ways(elsewhere) == elsewhere
    assert without_hijacked_ways(replace(contact, address="")) == replace(contact, address="")


@pytest.mark.parametrize(
    ("address", "account", "hijacked"),
    [
        ("ann@example.org", "ann@example.org", True),
        ("ANN@EXAMPLE.ORG", "ann@example.org", True),
        ("ann+cases@example.org", "ann@example.org", True),
        ("ann@private.example", "ann@example.org", False),
        ("Ann+cases@example.org", "ann", True),
        ("ann.lee@example.org", "ann", False),
        ("ann@example.org.", "ann@example.org", True),
        ("ann@xn--bcher-kva.example", "ann@bücher.example", True),
        ("Rene\u0301@example.org", "ren\u00e9@example.org", True),
        ("ann@[192.0.2.7]", "ann@[192.0.2.7]", True),
        (f"ann@{'x' * 70}.example", "ann@example.org", False),
    ],
)
def test_the_hijacked_mailbox_is_recognised(address: str, account: str, hijacked: bool) -> None:
    assert is_hijacked(address, account) is hijacked
