"""A real Dovecot that looks passwords up in PostgreSQL or OpenLDAP: the old one is refused once it was changed."""

import imaplib
from collections.abc import Callable, Iterator

import pytest

from detector.config import DovecotSessions
from detector.response.dovecot import Dovecot as SessionEnder
from detector.response.secret import new_password
from tests.support.dovecot import Dovecot
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP
from tests.support.password_stores import ACCOUNTS, DOVECOT_LDAP, DOVECOT_SQL, LdapStore, PostgresStore, Store
from tests.support.ports import HOST
from tests.support.postgres import SUPERUSER, Postgres

pytestmark = [pytest.mark.e2e, pytest.mark.debian("dovecot-core", "dovecot-imapd", "dovecot-pgsql", "dovecot-ldap")]

ANN, BOB = ACCOUNTS


def in_postgresql(postgres: Postgres) -> tuple[Store, str, str]:
    store = PostgresStore("dovecot", postgres)
    return store, "sql", DOVECOT_SQL.format(host=HOST, port=postgres.port, database=store.database, user=SUPERUSER)


def in_openldap(openldap: OpenLDAP) -> tuple[Store, str, str]:
    store = LdapStore(openldap)
    names = {"bind_dn": BIND_DN, "bind_password": BIND_PASSWORD}
    return store, "ldap", DOVECOT_LDAP.format(url=openldap.url, base=store.branch, **names)


PLACES: dict[str, Callable[..., tuple[Store, str, str]]] = {"postgres": in_postgresql, "openldap": in_openldap}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, real_servers: None) -> Iterator[tuple[Store, Dovecot]]:
    store, driver, settings = PLACES[request.param](request.getfixturevalue(request.param))
    dovecot = Dovecot()
    dovecot.look_up_in(driver, settings)
    with dovecot:
        yield store, dovecot


def test_the_old_password_is_refused_once_it_was_changed(place: tuple[Store, Dovecot]) -> None:
    store, dovecot = place
    password = new_password()
    with dovecot.imap_session(ANN, "old"):  # and Dovecot remembers this login for an hour
        store.provider.change_password(ANN, password, "i-1.change_password")
        sessions = SessionEnder(DovecotSessions(provider="dovecot", doveadm=dovecot.doveadm))
        assert sessions.end_sessions(ANN, "i-1.end_sessions") == "cached logins flushed, sessions ended"
    with pytest.raises(imaplib.IMAP4.error), dovecot.imap_session(ANN, "old"):
        pass
    assert not dovecot.authenticates(ANN, "old")
    assert dovecot.authenticates(ANN, password.text)
    assert dovecot.authenticates(BOB, "old")
    with dovecot.imap_session(ANN, password.text):
        assert ANN in dovecot.sessions()
