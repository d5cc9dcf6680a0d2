"""Profile stores and joins, asked in any order, opened and closed in between, against a dictionary."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from detector.mail.login import PolicyRequest
from detector.traffic.profile import Profile
from tests.contracts import test_login_join, test_profile_store
from tests.support.stores import Opener
from tests.support.valkey import Valkey

T = TypeVar("T")
ACCOUNTS = st.sampled_from(["ann", "ben@example.org", "çelik", "d:e{f}"])
HOSTS, QUEUE_IDS = st.sampled_from(["192.0.2.1", "loopback"]), st.sampled_from(["4XyZ1", "4XyZ2", "a b", "é"])
LOGINS = st.sampled_from(["ann", "ben@example.org", ""])
NOW = 1_790_000_000.0
A_FEW = settings(max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))


class Stores(RuleBasedStateMachine):
    """A store that is closed and opened again now and then."""

    make: Callable[[Path], Callable[[], Awaitable[Any]]]
    empty: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(tempfile.mkdtemp(prefix="stores"))
        self.empty()
        self.opener: Opener[Any] = Opener(self.make(self.directory))
        self.store = self.run(self.opener())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule()
    def open_again(self) -> None:
        self.run(self.opener.close(self.store))
        self.store = self.run(self.opener())

    def teardown(self) -> None:
        self.run(self.opener.close_all())
        self.runner.close()
        shutil.rmtree(self.directory)


class Profiles(Stores):
    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, Profile] = {}

    @rule(account=ACCOUNTS, day=st.integers(0, 3))
    def update(self, account: str, day: int) -> None:
        before = self.model.get(account, Profile())
        answer = self.run(self.store.update(account, lambda profile: (replace(profile, suspicious_day=day), profile)))
        assert answer == before
        self.model[account] = replace(before, suspicious_day=day)

    @rule(account=ACCOUNTS)
    def forget(self, account: str) -> None:
        self.run(self.store.update(account, lambda _: (Profile(), None)))
        self.model.pop(account, None)

    @rule(account=ACCOUNTS)
    def fail(self, account: str) -> None:
        def fault(_: Profile) -> tuple[Profile, None]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.run(self.store.update(account, fault))

    @rule(accounts=st.lists(ACCOUNTS, min_size=2, max_size=6))
    def update_at_once(self, accounts: list[str]) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*(self.store.update(account, test_profile_store.count_up) for account in accounts))

        self.run(all_of_them())
        for account in accounts:
            self.model[account], _ = test_profile_store.count_up(self.model.get(account, Profile()))

    @invariant()
    def each_account_is_as_it_was_left(self) -> None:
        for account in ("ann", "ben@example.org", "çelik", "d:e{f}"):
            assert self.run(self.store.read(account)) == self.model.get(account, Profile())
        known = {account for account, profile in self.model.items() if profile != Profile()}
        assert set(self.run(self.store.accounts())) == known


class Joins(Stores):
    def __init__(self) -> None:
        super().__init__()
        self.model: dict[tuple[str, str], PolicyRequest] = {}
        self.now = NOW

    @rule(host=HOSTS, queue_id=QUEUE_IDS, login=LOGINS)
    def remember(self, host: str, queue_id: str, login: str) -> None:
        request = PolicyRequest(host, queue_id, "198.51.100.7", "40123", login, "ann@example.org")
        self.now += 1.0
        self.run(self.store.remember(request, self.now))
        self.model[host, queue_id] = request

    @invariant()
    def each_login_is_found_and_no_other(self) -> None:
        for host in ("192.0.2.1", "loopback"):
            for queue_id in ("4XyZ1", "4XyZ2", "a b", "é", "never"):
                assert self.run(self.store.by_queue_id(host, queue_id)) == self.model.get((host, queue_id))


@pytest.mark.parametrize("kind", ["memory", pytest.param("shared", marks=pytest.mark.debian("redis-server"))])
@pytest.mark.parametrize(
    ("machine", "contract"), [(Profiles, test_profile_store), (Joins, test_login_join)], ids=["profiles", "joins"]
)
def test_whatever_the_order_a_store_says_what_a_dictionary_would(
    request: pytest.FixtureRequest, machine: type[Stores], contract: Any, kind: str
) -> None:
    def make(directory: Path) -> Callable[[], Awaitable[Any]]:
        return (
            partial(contract.memory, directory) if valkey is None else partial(contract.shared, valkey.url, directory)
        )

    def empty() -> None:
        if valkey is not None:
            valkey.empty()

    valkey: Valkey | None = request.getfixturevalue("valkey") if kind == "shared" else None
    run_state_machine_as_test(
        type(machine.__name__, (machine,), {"make": staticmethod(make), "empty": staticmethod(empty)}), settings=A_FEW
    )
