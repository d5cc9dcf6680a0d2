"""Questions to LDAP servers: who is found, what is trusted, and who else could read a secret."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config import ConfigError, LdapPassword
from detector.ports import Refused, Secret, Temporary
from detector.response import ldap
from detector.response.ldap import Entry, LdapTools, filter_for
from tests.support import packages
from tests.support.certificates import make_certificate
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP
from tests.support.password_stores import person
from tests.support.ports import HOST, free_port

ANN = "ann@example.org"


def tools(server: OpenLDAP, secret: str = BIND_PASSWORD, **changes: Any) -> LdapTools:
    settings = {
        "provider": "ldap",
        "url": server.url,
        "bind_dn": BIND_DN,
        "password": {"environment": "UNUSED"},
        "base": "dc=example,dc=org",
        **changes,
    }
    return LdapTools(LdapPassword.model_validate(settings), Secret(secret))


@pytest.fixture
def branch(openldap: OpenLDAP) -> str:
    branch = openldap.fresh()
    openldap.add(person(branch, ANN))
    return branch


# -- who is found --


def test_an_account_is_found_with_the_values_that_were_asked_for(openldap: OpenLDAP, branch: str) -> None:
    found = tools(openldap, base=branch).find(ANN, ("mail", "sn", "mobile"))
    assert found == Entry(f"cn=ann,{branch}", {"mail": (ANN,), "sn": ("ann",)})


def test_names_and_values_may_be_long_and_in_any_script(openldap: OpenLDAP, branch: str) -> None:
    name = "Ann Ünlü " + "-".join(["long"] * 30)
    openldap.add(f"dn: cn={name},{branch}\nobjectClass: inetOrgPerson\nsn: Ünlü\nsn:: IHRoaXJk\nmail: u@example.org\n")
    found = tools(openldap, base=branch).find("u@example.org", ("sn",))
    assert found == Entry(f"cn={name},{branch}", {"sn": ("Ünlü", " third")})


@pytest.mark.parametrize(
    "account", ["*", "a*", "ann@example.org)(cn=*", "ann@example.org\\2a", "eve@example.org", "", "\0"]
)
def test_nobody_is_found_by_a_name_that_is_not_theirs(openldap: OpenLDAP, branch: str, account: str) -> None:
    with pytest.raises(Refused, match="no such account"):
        tools(openldap, base=branch).find_one(account)


def test_an_account_that_is_there_twice_or_more_is_refused(openldap: OpenLDAP, branch: str) -> None:
    for count in (2, 3):
        openldap.add(person(branch, ANN).replace("cn=ann", f"cn=ann{count}").replace("cn: ann", f"cn: ann{count}"))
        with pytest.raises(Refused, match="more than one entry"):
            tools(openldap, base=branch).find(ANN)


def test_a_filter_may_ask_for_the_parts_of_an_address() -> None:
    pattern = "(&(uid={local_part})(ou={domain})(!(mail={account})))"
    assert filter_for(pattern, "a{domain}@x") == "(&(uid=a{domain})(ou=x)(!(mail=a{domain}@x)))"


@given(st.text())
def test_an_account_in_a_filter_has_no_character_that_means_something(account: str) -> None:
    written = filter_for("(mail={account})", account).removeprefix("(mail=").removesuffix(")")
    plain, *escaped = written.split("\\")
    assert not set(plain) & set("*()\0")
    assert plain + "".join(chr(int(part[:2], 16)) + part[2:] for part in escaped) == account


# -- what is trusted --


@pytest.fixture
def another_authority(tmp_path: Path) -> Path:
    return make_certificate(tmp_path, "another.example").path


def test_a_certificate_that_nobody_we_know_has_signed_ends_it(openldap: OpenLDAP, another_authority: Path) -> None:
    for way in ({"url": openldap.tls_url}, {"starttls": True}):
        assert tools(openldap, ca_file=openldap.certificate.path, **way).check("ldappasswd")
        with pytest.raises(Temporary, match="certificate"):
            tools(openldap, ca_file=another_authority, **way).find(ANN)
        with pytest.raises(Temporary):
            tools(openldap, **way).find(ANN)


def test_a_certificate_for_another_name_ends_it(openldap: OpenLDAP) -> None:
    url = openldap.tls_url.replace(HOST, "localhost")
    with pytest.raises(Temporary):
        tools(openldap, url=url, ca_file=openldap.certificate.path).find(ANN)


def test_our_own_environment_weakens_nothing(
    openldap: OpenLDAP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("ldaprc", ".ldaprc"):
        (tmp_path / file).write_text("TLS_REQCERT never\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LDAPCONF", str(tmp_path / "ldaprc"))
    monkeypatch.setenv("LDAPTLS_REQCERT", "never")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Temporary):
        tools(openldap, url=openldap.tls_url).find(ANN)


# -- whose turn it is --


def test_a_server_that_is_not_there_may_come_back(openldap: OpenLDAP) -> None:
    with pytest.raises(Temporary, match=r"Can't contact LDAP server \(-1\)"):
        tools(openldap, url=f"ldap://{HOST}:{free_port()}").find(ANN)


def test_a_server_that_does_not_answer_is_left(openldap: OpenLDAP) -> None:
    with socket.create_server((HOST, 0)) as silent:
        url = f"ldap://{HOST}:{silent.getsockname()[1]}"
        with pytest.raises(Temporary, match="took too long"):
            tools(openldap, url=url, timeout=0.2).find(ANN)


def test_a_wrong_password_is_refused_because_trying_again_might_lock_us_out(openldap: OpenLDAP) -> None:
    with pytest.raises(Refused, match=r"Invalid credentials \(49\)") as caught:
        tools(openldap, secret="geheim").find(ANN)
    assert "geheim" not in str(caught.value)


def test_the_server_tells_why_it_refuses(openldap: OpenLDAP, branch: str) -> None:
    change = f"dn: cn=ann,{branch}\nchangetype: modify\nreplace: mail\nmail: x@example.org\n-\n"
    with pytest.raises(Refused, match=r"ldapmodify: Insufficient access \(50\)"):
        tools(openldap).run("ldapmodify", text=change)
    with pytest.raises(Refused, match=r"ldappasswd: Invalid syntax: Invalid DN \(21\)"):
        tools(openldap).run("ldappasswd", "--", "nonsense", new=Secret("n3w"))


@pytest.mark.parametrize(("ending", "error"), [("51", Temporary), ("52", Temporary), ("53", Refused)])
def test_a_busy_server_is_tried_again(
    openldap: OpenLDAP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, error: type[Exception]
) -> None:
    program(tmp_path, monkeypatch, "ldapmodify", f"sys.exit({ending})")
    with pytest.raises(error, match=ending):
        tools(openldap).run("ldapmodify")


def test_a_program_that_was_killed_has_decided_nothing(
    openldap: OpenLDAP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, monkeypatch, "ldapmodify", "os.kill(os.getpid(), 9)")
    with pytest.raises(Temporary, match="killed by signal 9"):
        tools(openldap).run("ldapmodify")


# -- who could read a secret --


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> None:
    """A program of that name that is found first."""
    path = tmp_path / name
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setattr(ldap, "ENVIRONMENT", {"PATH": str(tmp_path)})


def test_secrets_are_neither_on_the_command_line_nor_in_the_environment_nor_on_a_disk(
    openldap: OpenLDAP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen.json"
    body = (
        "files = [sys.argv[sys.argv.index(o) + 1] for o in ('-y', '-T')]\n"
        f"json.dump([sys.argv, dict(os.environ), [[open(f).read(), os.readlink(f), oct(os.stat(f).st_mode)] "
        f"for f in files]], open({str(seen)!r}, 'w'))"
    )
    program(tmp_path, monkeypatch, "ldappasswd", body)
    tools(openldap).run("ldappasswd", "--", "cn=ann", new=Secret("n3w"))
    argv, environment, files = json.loads(seen.read_text())
    assert not [word for word in (*argv, *environment.values()) if "n3w" in word or BIND_PASSWORD in word]
    assert [text for text, _, _ in files] == [BIND_PASSWORD, "n3w"]
    assert all(place.startswith("/memfd:") and mode == "0o100600" for _, place, mode in files)


def test_no_file_of_a_secret_stays_open(openldap: OpenLDAP, branch: str) -> None:
    tools(openldap, base=branch).find(ANN)
    assert not [name for name in Path("/proc/self/fd").iterdir() if os.path.realpath(name).startswith("/memfd:secret")]


# -- the check --


def test_a_check_tells_what_is_wrong_in_words(openldap: OpenLDAP, branch: str) -> None:
    assert "can look for accounts" in tools(openldap, base=branch).check("ldappasswd")
    with pytest.raises(ConfigError, match="No such object"):
        tools(openldap, base="ou=nowhere,dc=example,dc=org").check("ldappasswd")
    with pytest.raises(ConfigError, match="Invalid credentials"):
        tools(openldap, secret="wrong").check("ldappasswd")
    with pytest.raises(ConfigError, match="RFC 3062"):
        tools(openldap).check("ldappasswd", "1.2.3.4")
    with pytest.raises(ConfigError, match="Bad search filter"):
        tools(openldap, filter="(&(mail={account}))(|)").check("ldappasswd")


def test_a_program_that_is_not_there_is_named_with_its_package(openldap: OpenLDAP) -> None:
    with pytest.raises(ConfigError, match="ldapnothing is not installed; on Debian it is in the package ldap-utils"):
        tools(openldap).check("ldapnothing")


def test_the_programs_are_those_of_debian() -> None:
    packages.need("ldap-utils")
    assert all(Path(f"/usr/bin/{name}").exists() for name in ("ldapsearch", "ldapmodify", "ldappasswd"))
