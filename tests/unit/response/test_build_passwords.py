"""Every kind of section that the configuration knows is built by something."""

from pathlib import Path
from typing import get_args

import pytest

from detector.config import ConfigError, Response
from detector.config.response import Directories, Passwords
from detector.response.build_panels import PANEL_PASSWORDS
from detector.response.build_passwords import DIRECTORIES, PASSWORDS
from detector.response.ldap_password import LdapPasswords
from detector.response.sql_password import SqlPasswords
from tests.support.response import NOW


def test_each_kind_of_section_has_its_builder() -> None:
    assert set(PASSWORDS | PANEL_PASSWORDS) == set(get_args(Passwords))
    assert set(DIRECTORIES) == set(get_args(Directories))


def test_a_database_needs_no_password_and_a_directory_in_ldap_does(tmp_path: Path) -> None:
    in_sql = {"provider": "sql", "preset": "dovecot", "url": f"sqlite:///{tmp_path}/x"}
    secret = {"file": tmp_path / "away"}
    in_ldap = {"provider": "ldap", "url": "ldaps://x.example", "bind_dn": "cn=x", "base": "dc=x", "password": secret}
    for values, kind in ((in_sql, SqlPasswords), (in_ldap, LdapPasswords)):
        settings = Response.model_validate({"password": values}).password
        assert settings is not None
        if kind is LdapPasswords:
            with pytest.raises(ConfigError, match="away"):
                PASSWORDS[type(settings)](settings, lambda: NOW)
            (tmp_path / "away").write_text("secret")
            (tmp_path / "away").chmod(0o600)
        assert isinstance(PASSWORDS[type(settings)](settings, lambda: NOW), kind)
