from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay.hosts import allowed, canonical, lookup, same_host_key

NETWORKS = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_all_loopback_addresses_are_one_host(address: str) -> None:
    assert same_host_key(address) == "loopback"


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:C000:207"])
def test_an_ipv4_address_inside_ipv6_is_the_same_host(address: str) -> None:
    assert same_host_key(address) == "192.0.2.7"
    assert allowed(address, NETWORKS)


def test_spellings_of_an_ipv6_address_are_the_same_host() -> None:
    assert same_host_key("2001:DB8:0:0::7%eth0") == canonical("2001:db8::7") == "2001:db8::7"
    assert same_host_key("2001:db8::8") != same_host_key("2001:db8::7")


def test_who_is_in_no_network_is_not_allowed() -> None:
    assert allowed("2001:db8::7", NETWORKS)
    assert not allowed("198.51.100.7", NETWORKS)
    assert not allowed("::1", NETWORKS)
    assert not allowed("192.0.2.7", ())


def test_what_is_looked_up_once_is_answered_the_same_again() -> None:
    may = lookup(NETWORKS)
    assert [may("192.0.2.7"), may("192.0.2.7"), may("198.51.100.7"), may("198.51.100.7")] == [True, True, False, False]


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert same_host_key(same_host_key(text)) == same_host_key(text)
    assert canonical(canonical(text)) == canonical(text)
    allowed(text, NETWORKS)
