from hypothesis import given
from hypothesis import strategies as st

from detector.mail.address import Address


def test_the_last_at_sign_divides() -> None:
    assert Address.parse('"a@b"@example.org') == Address('"a@b"', "example.org")


def test_postmaster_needs_no_domain() -> None:
    postmaster = Address.parse("postmaster")
    assert postmaster == Address("postmaster", "")
    assert str(postmaster) == "postmaster"
    assert not postmaster.is_null


def test_the_null_reverse_path_has_neither_part() -> None:
    assert Address.parse("").is_null
    assert str(Address.parse("")) == ""


def test_spellings_of_one_mailbox_have_one_key() -> None:
    assert Address.parse("Ann@Example.ORG").key == Address.parse("ann@example.org").key


@given(st.text(min_size=1), st.text(min_size=1).filter(lambda domain: "@" not in domain))
def test_an_address_is_told_back_exactly(local_part: str, domain: str) -> None:
    assert str(Address.parse(f"{local_part}@{domain}")) == f"{local_part}@{domain}"
