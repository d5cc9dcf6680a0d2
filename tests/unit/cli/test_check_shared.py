"""`detector check` says whether the shared state can be used, and whether it is the right one."""

import asyncio
from pathlib import Path

import pytest

from detector import config
from detector.cli.check_shared import check_shared
from detector.cli.finding import Finding, Level
from detector.host import recipient_key
from tests.support.ports import free_port
from tests.support.stores import KEY, linked
from tests.support.valkey import Valkey


def found(folder: Path, url: str, more: str = "") -> list[Finding]:
    settings = config.parse(f'[state]\ndirectory = "{folder}"\nurl = "{url}"\n{more}')
    return list(check_shared(settings))


def in_use(url: str) -> None:
    async def use() -> None:
        await (await linked(url)).stop()

    asyncio.run(use())


def test_where_nothing_is_shared_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert found(tmp_path, "") == []


@pytest.mark.debian("redis-server")
def test_a_server_that_forgets_when_it_is_restarted_is_no_good_place(tmp_path: Path, valkey: Valkey) -> None:
    answer, restarted = found(tmp_path, valkey.url)
    assert (answer.level, "not used yet" in answer.text) == (Level.OK, True)
    assert (restarted.level, "appendonly yes" in restarted.text) == (Level.HINT, True)


@pytest.mark.debian("redis-server")
def test_a_full_server_must_drop_what_expires_soonest(tmp_path: Path, valkey: Valkey) -> None:
    valkey.say("CONFIG", "SET", "maxmemory", "1gb")
    assert "maxmemory-policy volatile-ttl" in found(tmp_path, valkey.url)[-1].text


@pytest.mark.debian("redis-server")
def test_a_server_that_is_nearly_full_is_told_of(tmp_path: Path, valkey: Valkey) -> None:
    valkey.say("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    valkey.say("CONFIG", "SET", "maxmemory", "1gb")
    assert "keep_receipts" not in found(tmp_path, valkey.url)[-1].text
    valkey.say("CONFIG", "SET", "maxmemory", "1mb")
    assert "state.keep_receipts" in found(tmp_path, valkey.url)[-1].text
    valkey.say("CONFIG", "SET", "maxmemory-policy", "noeviction")


@pytest.mark.debian("redis-server")
def test_the_key_of_hashes_must_be_that_of_the_others(tmp_path: Path, valkey: Valkey) -> None:
    in_use(valkey.url)
    assert [(one.level, one.text) for one in found(tmp_path, valkey.url)][1] == (
        Level.PROBLEM,
        f"{tmp_path}/recipient.key is not there: copy it from a host that uses it already",
    )
    recipient_key(tmp_path / "recipient.key")
    assert "others that use it have another recipient.key" in found(tmp_path, valkey.url)[1].text
    (tmp_path / "recipient.key").write_bytes(KEY)
    assert [one.level for one in found(tmp_path, valkey.url)] == [Level.OK, Level.HINT]


def test_a_server_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, f"valkey://127.0.0.1:{free_port()}")
    assert problem.level is Level.PROBLEM
    assert "is it up, does it let this host in" in problem.text


def test_a_secret_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "valkey://127.0.0.1", f'password = {{ file = "{tmp_path}/none" }}')
    assert (problem.level, f"{tmp_path}/none" in problem.text) == (Level.PROBLEM, True)
