"""Lines of one turn of the event loop go out together, and what is worse at once."""

import asyncio
import io
import json
import threading

from detector.json_lines import PIPE_BYTES, JsonLines


class Writings(io.BytesIO):
    """Each writing by itself, as the system sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[bytes] = []

    def write(self, octets: bytes) -> int:  # type: ignore[override]
        self.all.append(bytes(octets))
        return len(octets)

    @property
    def events(self) -> list[list[str]]:
        return [[json.loads(line)["event"] for line in one.splitlines()] for one in self.all]


async def test_what_one_turn_of_the_event_loop_tells_goes_out_in_one_writing() -> None:
    file = Writings()
    lines = JsonLines(file, "info")
    lines.info("first")
    lines.info("second")
    assert file.all == []
    await asyncio.sleep(0)
    assert file.events == [["first", "second"]]


async def test_what_is_worse_goes_out_at_once_and_in_its_order() -> None:
    file = Writings()
    lines = JsonLines(file, "info")
    lines.info("first")
    lines.error("second")
    assert file.events == [["first"], ["second"]]
    await asyncio.sleep(0)
    assert len(file.all) == 2


async def test_no_writing_is_so_long_that_another_process_could_write_into_it() -> None:
    file = Writings()
    lines = JsonLines(file, "info")
    for number in range(40):
        lines.info(f"e{number}", text="x" * 300)
    await asyncio.sleep(0)
    assert max(map(len, file.all)) <= PIPE_BYTES
    assert [event for one in file.events for event in one] == [f"e{number}" for number in range(40)]


async def test_a_thread_does_not_wait_for_the_event_loop() -> None:
    file = Writings()
    lines = JsonLines(file, "info")
    lines.info("first")
    thread = threading.Thread(target=lines.info, args=("second",))
    thread.start()
    thread.join()
    assert file.events == [["first"], ["second"]]
