"""What the shared state costs: round trips, processor time, octets, contention, and how fast a block is known.

    python -m tests.bench.shared             all of it, with a private server
    python -m tests.bench.shared update      one change of a profile, and one message with all its questions
    python -m tests.bench.shared octets      what an account, a campaign's key and a message take in the server
    python -m tests.bench.shared contention  one hijacked account: 100 connections, over 1, 2 and 4 processes
    python -m tests.bench.shared news        from one process's block to the other's knowing it

Processor time is the detector's own; the server's is told beside it. Compare figures of one run only.
"""

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count

import uvloop
from msgspec.structs import replace

from detector.mail.delivery import Handed, Receipt
from detector.mail.login import PolicyRequest
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.models import load_prior
from detector.state.shared_campaigns import SharedCampaigns
from detector.state.shared_handed_over import SharedHandedOver
from detector.state.shared_joins import SharedJoins
from detector.state.shared_known import key_of
from detector.state.shared_link import Link
from detector.state.shared_news import SharedNews
from detector.state.shared_profiles import SharedProfiles
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.histories import transaction
from tests.support.relay_house import DictJoin
from tests.support.stores import linked
from tests.support.valkey import Valkey

ROUNDS = 1_000
ACCOUNTS = 1_000
TOGETHER = 20
ANN, NOW = "ann@customer.example", 1.7e9
CONNECTIONS, CHANGES = 100, 20
BLOCKS = 30


class Nobody:
    """A local store that knows nothing."""

    async def remember(self, *_: object) -> None: ...

    async def by_queue_id(self, *_: object) -> None: ...

    async def by_client(self, *_: object) -> None: ...


def count_up(profile: Profile) -> tuple[Profile, int]:
    return replace(profile, suspicious_day=profile.suspicious_day + 1), profile.suspicious_day


def become(profile: Profile, _: Profile) -> tuple[Profile, None]:
    return profile, None


def lived(messages: int) -> Profile:
    """That of an account which has sent so many messages, one each three hours."""
    profile, policy = Profile(), Policy(b"key", load_prior()[0], "model")
    for number in range(messages):
        sent, now = transaction(number), 1.7e9 + 10_800.0 * number
        profile, _ = judge(profile, sent, now, policy)
        profile = settle(profile, sent, True, now, policy)
    return profile


def processor_time(server: Valkey) -> float:
    """Seconds of the server's processor."""
    lines = dict(line.split(":", 1) for line in server.say("INFO", "cpu").splitlines() if ":" in line)
    return float(lines["used_cpu_sys"]) + float(lines["used_cpu_user"])


async def measured(what: str, server: Valkey, link: Link, work: Callable[[], Awaitable[object]]) -> None:
    for _ in range(100):
        await work()
    trips, own, its = link.round_trips, time.process_time(), processor_time(server)
    for _ in range(ROUNDS):
        await work()
    own, its = time.process_time() - own, processor_time(server) - its
    trips = link.round_trips - trips
    print(f"{what:<44} {trips / ROUNDS:5.2f} {own / ROUNDS * 1e6:10.0f} {its / ROUNDS * 1e6:10.0f}")


class Work:
    """What is done for mail, each a little different from the one before."""

    def __init__(self, link: Link, other: Link) -> None:
        self.profiles = SharedProfiles(link, 1e6, ACCOUNTS, Metrics("bench"))
        self._elsewhere = SharedProfiles(other, 1e6, ACCOUNTS, Metrics("bench"))
        self._campaigns, self._joins = SharedCampaigns(link, b"key"), SharedJoins(link, 1e6, DictJoin())  # type: ignore[arg-type]
        self._handed_over = SharedHandedOver(link, 1e6, Nobody())  # type: ignore[arg-type]
        self._numbers, self._chance = count(), random.Random(7)

    async def again(self) -> None:
        await self.profiles.update("ann", count_up)

    async def by_turns(self) -> None:
        await self.profiles.update("ann", count_up)
        await self._elsewhere.update("ann", count_up)

    async def together(self) -> None:
        accounts = [f"account{number}" for number in range(TOGETHER)]
        await asyncio.gather(*[self.profiles.update(account, count_up) for account in accounts])

    async def first(self) -> None:
        await self.profiles.update(f"new{next(self._numbers)}", count_up)

    async def campaign(self) -> None:
        keys = [self._chance.getrandbits(64) for _ in range(10)]
        await self._campaigns.suspicious_others(keys, "ann", NOW)
        await self._campaigns.notice(keys, "ann", False, NOW)

    async def one_key(self) -> None:
        await self._campaigns.notice([self._chance.getrandbits(64)], "ann", False, NOW)

    async def login(self) -> None:
        queue_id = f"4ABC{next(self._numbers)}"
        await self._joins.remember(PolicyRequest("192.0.2.1", queue_id, "192.0.2.9", "4000", ANN, ANN), NOW)
        await self._joins.by_queue_id("192.0.2.1", queue_id)

    async def receipt(self) -> None:
        number = next(self._numbers)
        handed = Handed(ANN, f"{number:016x}", Stream.PERSONAL, NOW, frozenset({b"8octets1"}))
        await self._handed_over.remember(Receipt("192.0.2.1:25", f"4AB{number}", f"{number}@example.org"), handed, NOW)


async def update(server: Valkey) -> None:
    link, other = await linked(server.url), await linked(server.url)
    work, full = Work(link, other), lived(1_000)
    await work.profiles.update("ann", lambda _: (full, None))
    print(f"{'':<44} {'trips':>5} {'us here':>10} {'us there':>10}")
    for what, each in (
        ("a change, of the same process again", work.again),
        (f"{TOGETHER} changes of as many accounts at once", work.together),
        ("a change here, and one in another process", work.by_turns),
        ("the first change of an account", work.first),
        ("ten keys of a campaign: asked and noticed", work.campaign),
        ("a login: remembered and found", work.login),
        ("a receipt: remembered", work.receipt),
    ):
        await measured(what, server, link, each)
    await link.stop()
    await other.stop()


async def octets(server: Valkey) -> None:
    link = await linked(server.url)
    profiles = SharedProfiles(link, 1e6, ACCOUNTS, Metrics("bench"))
    for messages in (1, 30, 300, 3_000):
        profile = lived(messages)
        await profiles.update(ANN, partial(become, profile))
        value = await link.send("STRLEN", key_of(ANN))
        used = await link.send("MEMORY", "USAGE", key_of(ANN))
        print(f"an account after {messages:>5} messages: {value:>5} octets, {used:>5} in the server with its key")
    work = Work(link, link)
    for name, each in (("a key of a campaign", work.one_key), ("a login", work.login), ("a receipt", work.receipt)):
        before = await memory(link)
        for _ in range(ROUNDS):
            await each()
        print(f"{name}: {(await memory(link) - before) / ROUNDS:.0f} octets in the server")
    await link.stop()


async def memory(link: Link) -> int:
    return int((await link.client().ask("INFO", "memory"))["used_memory"])


async def change_all(url: str, connections: int) -> None:
    """A process of its own: so many connections of one account, each with some changes; tells attempts and waits."""
    link = await linked(url)
    store = SharedProfiles(link, 1e6, ACCOUNTS, Metrics("bench"))
    full = lived(300)
    await store.update("ann", lambda profile: (profile if profile.suspicious_day else full, None))
    waits: list[float] = []

    async def connection() -> None:
        for _ in range(CHANGES):
            began = time.perf_counter()
            await store.update("ann", count_up)
            waits.append(time.perf_counter() - began)

    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    own, store.attempts = time.process_time(), 0
    await asyncio.gather(*[connection() for _ in range(connections)])
    own = time.process_time() - own
    ordered = sorted(waits)
    print(store.attempts, statistics.median(ordered), ordered[len(ordered) * 99 // 100], ordered[-1], own)
    await link.stop()


def contention(server: Valkey) -> None:
    print("processes  changes  attempts  median ms  99% ms  longest ms  us here a change")
    for processes in (1, 2, 4):
        server.empty()
        command = [sys.executable, "-m", "tests.bench.shared", "--url", server.url]
        command += ["--connections", str(CONNECTIONS // processes)]
        pipe = subprocess.PIPE
        running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        told = [[float(word) for word in one.communicate()[0].split()] for one in running]
        attempts, medians, late, longest, own = zip(*told, strict=True)
        changes = CONNECTIONS * CHANGES
        print(
            f"{processes:>9}  {changes:>7}  {sum(attempts):>8.0f}  {max(medians) * 1e3:>9.1f}  {max(late) * 1e3:>6.1f}"
            f"  {max(longest) * 1e3:>10.1f}  {sum(own) / changes * 1e6:>16.0f}"
        )
        assert asyncio.run(changed(server.url)) == changes


async def changed(url: str) -> int:
    link = await linked(url)
    day = (await SharedProfiles(link, 1e6, 1, Metrics("bench")).read("ann")).suspicious_day
    await link.stop()
    return day - lived(300).suspicious_day


async def news(server: Valkey) -> None:
    links = [await linked(server.url) for _ in range(2)]
    one, other = map(SharedNews, links)
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.get_running_loop().create_task(other.listen(lambda account, _: heard.put_nowait(account)))
    await asyncio.sleep(1.0)
    waits = []
    for number in range(BLOCKS):
        await asyncio.sleep(random.random() * 0.3)
        began = time.perf_counter()
        one.tell(f"account{number}", "i")
        assert await heard.get() == f"account{number}"
        waits.append(time.perf_counter() - began)
    print(
        f"a block is known elsewhere after {statistics.median(waits) * 1e3:.0f} ms, at most {max(waits) * 1e3:.0f} ms"
    )
    listening.cancel()
    for link in links:
        await link.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", nargs="?", choices=("update", "octets", "contention", "news"))
    parser.add_argument("--url")
    parser.add_argument("--connections", type=int, default=0)
    asked = parser.parse_args()
    if asked.url:
        uvloop.run(change_all(asked.url, asked.connections))
        return
    with Valkey() as server:
        for name, work in (("update", update), ("octets", octets), ("news", news)):
            if asked.what in {None, name}:
                server.empty()
                uvloop.run(work(server))
        if asked.what in {None, "contention"}:
            contention(server)


if __name__ == "__main__":
    main()
