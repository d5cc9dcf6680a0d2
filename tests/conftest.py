"""What all tests share: the folder of real mail, the Debian packages, and how hypothesis draws."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from detector import log
from detector.records.records import Records
from tests.support import packages
from tests.support.mariadb import MariaDB
from tests.support.openldap import OpenLDAP
from tests.support.postgres import Postgres
from tests.support.records import empty
from tests.support.valkey import Cluster, Valkey

# On the build machine the same examples every time, and no deadline: its cores are shared.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "corpora"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """What a test does to logging ends with it: the standard error that pytest gave to it is closed by then.

    A traceback is told in plain lines. To draw it with all local values, as structlog does unasked, takes seconds, in
    which no connection of a test is served.
    """
    before = log._logger
    *processors, _ = structlog.get_config()["processors"]
    drawn_plainly = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, drawn_plainly])
    yield
    log._logger = before
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(handler)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real mail. Tests that ask for it skip where there is none."""
    folder = Path(os.environ.get("DETECTOR_CORPORA", BESIDE_THE_CHECKOUT))
    if not folder.is_dir():
        pytest.skip(f"no real mail here: {folder} is no folder (DETECTOR_CORPORA names another)")
    return folder


@pytest.fixture(scope="session")
def postgres_of_this_run() -> Iterator[Postgres]:
    """One PostgreSQL for all tests, started for the first that asks. Skips where it is not installed."""
    packages.need("postgresql")
    with Postgres() as instance:
        yield instance


@pytest.fixture
def postgres(postgres_of_this_run: Postgres) -> Postgres:
    """The shared PostgreSQL, running, though a test before this one may have killed it."""
    postgres_of_this_run.start()
    return postgres_of_this_run


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """An empty database in the shared PostgreSQL, as SQLAlchemy names it."""
    return postgres.url(postgres.fresh())


@pytest.fixture(scope="session")
def postgres_with_records(postgres_of_this_run: Postgres) -> str:
    """A database with the tables of the records. One for all tests: each has a thousand files."""
    name = postgres_of_this_run.fresh()
    Records(postgres_of_this_run.url(name)).close()
    return name


@pytest.fixture
def postgres_records_url(postgres: Postgres, postgres_with_records: str) -> str:
    """Empty records in PostgreSQL; what a test before has left, and who is still connected, is thrown out."""
    postgres.throw_out(postgres_with_records)
    url = postgres.url(postgres_with_records)
    empty(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.debian("postgresql"))])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Empty records; whoever asks for them runs once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/records.sqlite"
    return str(request.getfixturevalue("postgres_records_url"))


@pytest.fixture(scope="session")
def mariadb_of_this_run() -> Iterator[MariaDB]:
    """One MariaDB for all tests, started for the first that asks. Skips where it is not installed."""
    packages.need("mariadb-server")
    with MariaDB() as instance:
        yield instance


@pytest.fixture
def mariadb(mariadb_of_this_run: MariaDB) -> MariaDB:
    """The shared MariaDB, running, though a test before this one may have killed it."""
    mariadb_of_this_run.start()
    return mariadb_of_this_run


@pytest.fixture(scope="session")
def valkey_of_this_run() -> Iterator[Valkey]:
    """One Valkey (or Redis) for all tests, started for the first that asks. Skips where it is not installed."""
    packages.need("redis-server")
    with Valkey() as instance:
        yield instance


@pytest.fixture
def valkey(valkey_of_this_run: Valkey) -> Valkey:
    """The shared Valkey, running and empty, though a test before this one may have killed it."""
    valkey_of_this_run.empty()
    return valkey_of_this_run


@pytest.fixture(scope="session")
def valkey_cluster_of_this_run() -> Iterator[Cluster]:
    """Three servers that share the keys. Skips where it is not installed."""
    packages.need("redis-server")
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def valkey_cluster(valkey_cluster_of_this_run: Cluster) -> Cluster:
    """The same, running and empty."""
    valkey_cluster_of_this_run.empty()
    return valkey_cluster_of_this_run


@pytest.fixture(scope="session")
def openldap_of_this_run() -> Iterator[OpenLDAP]:
    """One OpenLDAP for all tests, started for the first that asks. Skips where it is not installed."""
    packages.need("slapd", "ldap-utils")
    with OpenLDAP() as instance:
        yield instance


@pytest.fixture
def openldap(openldap_of_this_run: OpenLDAP) -> OpenLDAP:
    """The shared OpenLDAP, running, though a test before this one may have killed it."""
    openldap_of_this_run.start()
    return openldap_of_this_run


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `debian("postfix")` runs only where that package is installed; asked before any fixture starts."""
    for marker in item.iter_markers("debian"):
        packages.need(*marker.args)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for the corpora carries the mark, so that `-m "not corpora"` leaves nothing behind."""
    for item in items:
        if "corpora" in getattr(item, "fixturenames", ()):
            item.add_marker("corpora")
