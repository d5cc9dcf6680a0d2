"""The way of each message: its end leaves nothing undone. (That everything fits together, tests/e2e see.)"""

import asyncio
import contextlib
from pathlib import Path

from detector import config
from detector.hop import Hop
from detector.mail.reply import Reply
from detector.memory import Memory
from detector.metrics import Metrics
from detector.tasks import Tasks
from tests.histories import IDENTITY
from tests.support.relay_house import NoHold, NoteDesk
from tests.unit.relay.test_settler import SEEN, SlowProfiles, draft

OK = Reply.of(250, "2.0.0", "Ok: queued as 4XyZ1")


async def test_a_stop_waits_until_what_was_answered_is_settled(tmp_path: Path) -> None:
    settings = config.parse(f'state.directory = "{tmp_path}"\nnext_hop.tls.mode = "off"')
    slow, seen_at_the_end = SlowProfiles(), []
    async with contextlib.AsyncExitStack() as stack:
        memory = Memory(settings, Metrics("test"), lambda: 1e9, lambda: 0.0, stack)
        await memory.open()
        stack.callback(lambda: seen_at_the_end.append(slow.profiles[IDENTITY.account]))  # before stores close
        hop = Hop(memory, NoteDesk(memory.book), NoHold(), Tasks(), learns=False)
        hop.build()
        settler = hop.route.assessor.settler
        settler.profiles = slow
        await settler.settle(draft(0), OK)
        session = asyncio.get_running_loop().create_task(settler.catch_up())
        await slow.asked.wait()
        session.cancel()
        await hop.follow(settings)  # and then another settler has its place
        stack.callback(slow.answer.set)
    assert seen_at_the_end != [SEEN]
