"""Lines come in, deliveries are told, and only then the position is kept."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from detector.feedback.attribution import Attribution
from detector.feedback.follower import MANY_LINES, Follower
from detector.feedback.notices import Attempt, Notice
from detector.feedback.postfix_log import read
from detector.feedback.source import Batch
from detector.mail.delivery import Delivery
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state.followed import Followed
from detector.state.handed_over import MemoryHandedOver
from tests.support.feedback import KEY, MTA, NOW, MemorySink, hand_over
from tests.support.ports import PATIENCE
from tests.unit.replay.postfix_log import Log


class ScriptedSource:
    """Gives what it was made with, one after the other; then it waits for ever."""

    def __init__(self, *steps: Batch | Exception) -> None:
        self.steps = list(steps)
        self.done = asyncio.Event()

    async def read(self) -> Batch:
        if not self.steps:
            self.done.set()
            await asyncio.Event().wait()
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def close(self) -> None:
        pass


class House:
    """Everything around a follower; it never really waits."""

    def __init__(self, directory: Path, sink: MemorySink) -> None:
        self.sink = sink
        self.metrics = Metrics("test")
        self.store = MemoryHandedOver(directory / "handed_over.sqlite", 1.0, 864_000.0, 1000, self.metrics)
        self.followed = Followed(directory / "followed.sqlite")
        self.waits: list[float] = []

    def follower(self, source: ScriptedSource) -> Follower:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)
            await asyncio.sleep(0)

        attribution = Attribution("log", [MTA], self.store, KEY)
        return Follower(
            "log", source, read, attribution, self.sink, self.followed, self.metrics, lambda: NOW + 1, sleep
        )

    async def run(self, *steps: Batch | Exception) -> None:
        source = ScriptedSource(*steps)
        task = asyncio.ensure_future(self.follower(source).run())
        await asyncio.wait_for(source.done.wait(), PATIENCE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"detector_feedback_{name}_total", labels) or 0.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path, MemorySink())
    await hand_over(house.store, "4AB1", ["bob@y.example", "cid@y.example"])
    yield house
    house.store.close()
    house.followed.close()


def lines(*codes: str, recipient: str = "bob@y.example") -> list[bytes]:
    log = Log()
    for number, code in enumerate(codes):
        log.deliver(NOW + number, "4AB1", recipient, code)
    return [line.rstrip(b"\n") for line in log.lines]


async def test_what_happened_to_a_recipient_is_told_and_the_position_kept(house: House) -> None:
    await house.run(Batch([*lines("4.2.0", "5.1.1"), b"nothing"], "7"), Batch([], "8"))
    assert house.sink.short() == [("ann", "deferred", "4.2.0"), ("ann", "bounced", "5.1.1")]
    assert house.followed.position("log") == "8"
    assert house.value("log_lines", result="told") == 2
    assert house.value("log_lines", result="other") == 1


async def test_a_line_that_comes_twice_is_told_once(house: House) -> None:
    for _ in range(2):
        await house.run(Batch(lines("5.1.1", "5.1.1")[:1] * 2, "7"), Batch(lines("5.1.1"), "8"))
    assert len(house.sink.deliveries) == 1
    assert house.sink.repeated == 0
    assert house.value("log_lines", result="repeated") == 5


class SlowSink(MemorySink):
    """Answers when it may; `asked` says that it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def tell(self, deliveries: Sequence[Delivery]) -> None:
        self.asked.set()
        await self.may_answer.wait()
        await super().tell(deliveries)


async def test_what_is_being_told_when_we_stop_is_marked_as_told(house: House) -> None:
    house.sink = sink = SlowSink()
    following = asyncio.ensure_future(house.follower(ScriptedSource(Batch(lines("5.1.1"), "7"))).run())
    await asyncio.wait_for(sink.asked.wait(), PATIENCE)
    following.cancel()
    await asyncio.sleep(0)
    assert not following.done()
    sink.may_answer.set()
    await asyncio.gather(following, return_exceptions=True)
    assert following.cancelled()
    assert house.followed.position("log") == "7"
    await house.run(Batch(lines("5.1.1"), "8"))
    assert (len(sink.deliveries), sink.repeated) == (1, 0)


async def test_a_sink_out_of_reach_is_asked_again_and_the_position_waits(house: House) -> None:
    house.sink.failures = 3
    await house.run(Batch(lines("5.1.1"), "7"))
    assert len(house.sink.deliveries) == 1
    assert house.waits[-3:] == [1.0, 2.0, 5.0]
    assert house.value("log_problems", reason="not_told") == 3
    assert house.followed.position("log") == "7"


async def test_a_crash_after_the_effect_tells_it_again_with_the_same_key(house: House) -> None:
    class Killed(BaseException):
        pass

    class Dying(MemorySink):
        async def tell(self, deliveries: Sequence[object]) -> None:
            await house.sink.tell(deliveries)  # type: ignore[arg-type]
            raise Killed

    source = ScriptedSource(Batch(lines("5.1.1"), "7"))
    follower = house.follower(source)
    dying = Follower(**{name: getattr(follower, name) for name in Follower.__slots__} | {"sink": Dying()})
    with pytest.raises(Killed):
        await dying.take(Batch(lines("5.1.1"), "7"))
    assert house.followed.position("log") == ""
    await house.run(Batch(lines("5.1.1"), "7"))
    assert (len(house.sink.deliveries), house.sink.repeated) == (1, 1)


async def test_a_log_that_cannot_be_read_is_tried_again(house: House) -> None:
    await house.run(Temporary("gone"), Temporary("gone"), Batch(lines("5.1.1"), "7"))
    assert len(house.sink.deliveries) == 1
    assert house.value("log_problems", reason="unreadable") == 2


async def test_a_fault_of_ours_does_not_end_the_following(house: House) -> None:
    await house.run(ZeroDivisionError(), Batch(lines("5.1.1"), "7"))
    assert len(house.sink.deliveries) == 1


async def test_a_fault_with_one_line_costs_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    understood = Attribution.delivery

    async def faulty(self: Attribution, notice: Notice, now: float) -> Delivery | str:
        if isinstance(notice, Attempt) and notice.enhanced == "4.2.0":
            raise ZeroDivisionError
        return await understood(self, notice, now)

    monkeypatch.setattr(Attribution, "delivery", faulty)
    await house.run(Batch(lines("4.2.0", "5.1.1"), "7"))
    assert house.sink.short() == [("ann", "bounced", "5.1.1")]
    assert house.value("log_lines", result="fault") == 1
    assert house.followed.position("log") == "7"


async def test_a_fault_in_telling_costs_no_line(house: House) -> None:
    class Faulty(MemorySink):
        faults = 2

        async def tell(self, deliveries: Sequence[Delivery]) -> None:
            if self.faults:
                self.faults -= 1
                raise ZeroDivisionError
            await super().tell(deliveries)

    house.sink = Faulty()
    await house.run(Batch(lines("5.1.1"), "7"))
    assert len(house.sink.deliveries) == 1
    assert house.value("log_problems", reason="not_told") == 2
    assert house.followed.position("log") == "7"


async def test_problems_of_a_source_are_counted(house: House) -> None:
    await house.run(Batch([], "7", ("gap", "too_long", "too_long")))
    assert house.value("log_problems", reason="too_long") == 2
    assert house.value("log_problems", reason="gap") == 1


async def test_a_reply_is_waited_for_but_not_when_there_is_much_to_read(house: House) -> None:
    await house.run(Batch([b"x"] * MANY_LINES, "7"))
    await house.run(Batch([b"x" * 400] * 400, "7"))
    await house.run(Batch([], "7", ("too_long",)))
    assert house.waits == []
    await house.run(Batch([b"x"], "8"))
    assert house.waits == [0.25]


async def test_mail_has_its_turn_while_much_is_read(house: House) -> None:
    turns = 0

    async def mail() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(mail())
    await house.follower(ScriptedSource()).take(Batch([b"x"] * 10_000, "7"))
    task.cancel()
    assert turns >= 50


async def test_stamps_of_another_time_and_lines_of_any_kind_do_no_harm(house: House) -> None:
    (line,) = lines("5.1.1")
    text = line[16:]
    hostile = [b"Jan  1 00:00:00 " + text, b"2099-12-31T23:59:59+14:00 " + text, b"Feb 31 99:99:99 " + text]
    hostile += [b"\xff\x00" * 500, b"x" * 65_536, b"Mar  5 10:00:00 mx1 postfix/smtp[1]: " * 1000, b"]: : to=<"]
    hostile += [b"Mar  5 10:00:00 mx1 postfix/smtp[1]: 4AB1: to=<" + b"<" * 10_000 + b">, dsn=5.1.1, status=bounced"]
    await house.run(Batch([*hostile, line], "7"))
    assert [delivery.at for delivery in house.sink.deliveries] == [NOW + 1] * 4
