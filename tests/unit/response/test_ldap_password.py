"""Passwords in LDAP directories: what the server refuses, and the octets that Windows wants."""

from typing import Any

import pytest

from detector.config import ActiveDirectoryPassword, ConfigError, LdapPassword
from detector.ports import Refused, Secret
from detector.response.ldap_password import ActiveDirectoryPasswords, LdapPasswords
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP
from tests.support.password_stores import ActiveDirectoryStore, LdapStore

ANN = "ann@example.org"
NEW = Secret("n3w-päss$")


def settings_of(store: LdapStore, **changes: Any) -> dict[str, Any]:
    return {"provider": "ldap", **store.settings(store.server.socket_url), **changes}


def test_the_directory_makes_the_hash(openldap: OpenLDAP) -> None:
    store = LdapStore(openldap)
    store.provider.change_password(ANN, NEW, "r")
    (kept,) = openldap.values(store.name_of(ANN), "userPassword")
    assert kept.startswith(b"{SSHA}")


def test_who_may_not_write_passwords_is_refused(openldap: OpenLDAP) -> None:
    store = LdapStore(openldap)
    settings = LdapPassword.model_validate(settings_of(store, bind_dn=store.name_of("bob@example.org")))
    provider = LdapPasswords(settings, Secret("old"))
    with pytest.raises((Refused, ConfigError)):
        provider.change_password(ANN, NEW, "r")
    with pytest.raises(ConfigError, match="cannot be used"):
        provider.check()
    assert store.accepts(ANN, "old")


def test_the_detector_cannot_read_the_hashes_that_it_writes(openldap: OpenLDAP) -> None:
    store = LdapStore(openldap)
    tools = LdapPasswords(LdapPassword.model_validate(settings_of(store)), Secret(BIND_PASSWORD))._tools
    found = tools.find(ANN, ("userPassword", "mail"))
    assert found is not None
    assert set(found.values) == {"mail"}
    assert BIND_DN not in found.name


def test_active_directory_gets_the_password_in_quotes_and_in_utf16(openldap: OpenLDAP) -> None:
    store = ActiveDirectoryStore(openldap)
    word = store.provider.change_password(ANN, NEW, "r")
    assert openldap.values(store.name_of(ANN), "unicodePwd") == ['"n3w-päss$"'.encode("utf-16-le")]
    assert word == "set in Active Directory"


def test_active_directory_may_be_asked_for_another_name(openldap: OpenLDAP) -> None:
    store = ActiveDirectoryStore(openldap)
    settings = {
        "provider": "active-directory",
        **store.settings(openldap.url),
        "starttls": True,
        "filter": "(cn={local_part})",
    }
    provider = ActiveDirectoryPasswords(ActiveDirectoryPassword.model_validate(settings), Secret(BIND_PASSWORD))
    assert provider.check()
    provider.change_password("Bob@wherever.example", NEW, "r")
    assert store.accepts("bob@example.org", NEW.text)
    assert store.accepts(ANN, "old")
