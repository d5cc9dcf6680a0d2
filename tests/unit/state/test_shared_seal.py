"""Who shares it has the same key, and hears when all that was there is gone."""

from typing import Any, cast

import pytest

from detector.config.errors import ConfigError
from detector.state.shared_client import Client
from detector.state.shared_seal import Seal


class FakeServer:
    """Keeps what is written first under the only key."""

    def __init__(self) -> None:
        self.there = b""

    async def ask(self, *command: Any) -> bytes:
        self.there = self.there or command[-2] + command[-1].encode()
        return self.there


async def show(seal: Seal, server: FakeServer) -> bool:
    await seal.show(cast("Client", server))
    return seal.emptied


async def test_what_is_lost_between_two_times_is_told_and_not_what_was_never_seen() -> None:
    seal, server = Seal(b"key"), FakeServer()
    assert [await show(seal, server), await show(seal, server)] == [False, False]
    server.there = b""
    assert [await show(seal, server), await show(seal, server)] == [True, False]


async def test_it_is_unbroken_while_what_was_shown_stands_there() -> None:
    seal, server = Seal(b"key"), FakeServer()
    await show(seal, server)
    assert seal.unbroken(server.there)
    assert not seal.unbroken(None)
    server.there = b""
    await show(Seal(b"key"), server)  # another host was sooner
    assert not seal.unbroken(server.there)


async def test_hosts_with_another_key_are_refused() -> None:
    server = FakeServer()
    await show(Seal(b"key"), server)
    with pytest.raises(ConfigError, match=r"have another recipient\.key"):
        await show(Seal(b"other"), server)
