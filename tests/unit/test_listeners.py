"""Sockets that somebody else has opened, passed by their number."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector import listeners, log
from detector.config import ConfigError, HostPort
from detector.listeners import IN_A_TURN, Listener, Listeners, passed_descriptors
from tests.support.stores import eventually

CHECKOUT = Path(__file__).parents[2]
ENVIRONMENT = {"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "relay:policy", "HOME": "/"}


@pytest.fixture(params=["127.0.0.1", "::1"])
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[HostPort, int]]:
    """A listening socket as the service manager opens it, and its number here."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listening:
        listening.bind((request.param, 0))
        listening.listen()
        yield HostPort(host=request.param, port=listening.getsockname()[1]), listening.detach()


def greet(connection: socket.socket, _: str) -> bool:
    connection.sendall(b"220 hop\r\n")
    connection.close()
    return True


def test_descriptors_are_taken_once_and_not_told_to_programs_that_we_start() -> None:
    environment = dict(ENVIRONMENT)
    assert list(passed_descriptors(environment, process_id=7)) == [3, 4]
    assert environment == {"HOME": "/"}
    assert list(passed_descriptors(environment, process_id=7)) == []


@pytest.mark.parametrize(
    "told", [{}, {"LISTEN_PID": "8"}, {"LISTEN_FDS": ""}, {"LISTEN_FDS": "-1"}, {"LISTEN_FDS": "0"}]
)
def test_descriptors_for_another_process_are_not_ours(told: dict[str, str]) -> None:
    environment = {**ENVIRONMENT, **told} if told else {}
    assert list(passed_descriptors(environment, process_id=7)) == []


async def test_who_connected_before_we_were_there_is_served(opened: tuple[HostPort, int]) -> None:
    address, descriptor = opened
    reader, writer = await asyncio.open_connection(address.host, address.port)
    listeners = Listeners([descriptor])
    (listener,) = await listeners.listen(greet, address)
    assert await reader.readline() == b"220 hop\r\n"
    assert not os.get_inheritable(descriptor)
    listeners.refuse_the_rest()
    writer.close()
    listener.close()


async def test_an_address_that_was_not_passed_is_bound_as_ever(opened: tuple[HostPort, int]) -> None:
    (listener,) = await Listeners().listen(greet, HostPort(host="127.0.0.1", port=0))
    reader, writer = await asyncio.open_connection(*listener.address)
    assert await reader.readline() == b"220 hop\r\n"
    writer.close()
    listener.close()
    os.close(opened[1])


async def test_a_socket_that_the_configuration_does_not_name_is_refused(opened: tuple[HostPort, int]) -> None:
    address, descriptor = opened
    listeners = Listeners([descriptor])
    with pytest.raises(ConfigError, match=str(address.port)):
        listeners.refuse_the_rest()
    (listener,) = await listeners.listen(greet, address)
    listener.close()


@pytest.mark.parametrize("kind", ["pipe", "unix", "datagram"])
def test_what_is_no_tcp_socket_is_refused_with_what_to_write(kind: str) -> None:
    if kind == "pipe":
        descriptor, other = os.pipe()
        os.close(other)
    else:
        made = socket.socket(socket.AF_UNIX) if kind == "unix" else socket.socket(type=socket.SOCK_DGRAM)
        descriptor = made.detach()
    with pytest.raises(ConfigError, match=r"is no socket|write ListenStream=ADDRESS:PORT"):
        Listeners([descriptor])
    if kind == "pipe":
        os.close(descriptor)


async def test_several_processes_share_an_address_and_who_comes_is_served_by_one_of_them() -> None:
    (first,) = await Listeners(shared=True).listen(greet, HostPort(host="127.0.0.1", port=0))
    address = HostPort(host="127.0.0.1", port=first.address[1])
    (second,) = await Listeners(shared=True).listen(greet, address)
    first.close()
    reader, writer = await asyncio.open_connection(address.host, address.port)
    assert await reader.readline() == b"220 hop\r\n"
    writer.close()
    second.close()


@pytest.mark.parametrize(
    ("may_stay", "long_turns", "most"), [(True, False, IN_A_TURN), (False, False, 1), (False, True, IN_A_TURN)]
)
async def test_of_a_crowd_only_a_few_are_taken_before_others_are_served(
    opened: tuple[HostPort, int], monkeypatch: pytest.MonkeyPatch, may_stay: bool, long_turns: bool, most: int
) -> None:
    """But where turns are long, so many as may not stay that they do not fill the queue in which others wait."""
    if not long_turns:  # however long they take here
        monkeypatch.setattr(listeners, "REFUSALS", 0.0)
    address, descriptor = opened
    crowd = [socket.create_connection((address.host, address.port)) for _ in range(3 * IN_A_TURN)]
    loop = asyncio.get_running_loop()
    turns = [0]

    def arrived(connection: socket.socket, peer: str) -> bool:
        assert peer == address.host
        turns[-1] += 1
        connection.close()
        return may_stay

    def turn() -> None:
        turns.append(0)
        if long_turns:  # others are served
            time.sleep(2 * IN_A_TURN / listeners.REFUSALS)
        loop.call_soon(turn)

    turn()
    (listener,) = await Listeners([descriptor]).listen(arrived, address)
    await eventually(lambda: sum(turns) == len(crowd), "all are taken")
    assert max(turns) == most
    listener.close()
    for client in crowd:
        client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_when_the_system_gives_no_connection_it_is_told_and_asked_again(host: str) -> None:
    words = [sys.executable, "-m", "tests.support.crowded_process", host]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=CHECKOUT, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert "nobody_let_in" in process.stderr.readline()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.read() == "another descriptor\ntaken\n"


async def test_who_goes_away_while_it_is_taken_keeps_nobody_else_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "error")
    taken = asyncio.Event()

    class Aborts(socket.socket):
        """Linux may tell of the network's errors where it gives the connection (accept(2))."""

        aborts = 1

        def accept(self) -> tuple[socket.socket, tuple[str, int]]:
            if self.aborts:
                self.aborts -= 1
                raise ConnectionAbortedError
            return super().accept()

    def arrived(connection: socket.socket, _: str) -> bool:
        connection.close()
        taken.set()
        return True

    opened = Aborts()
    opened.bind(("127.0.0.1", 0))
    listener = Listener(opened, arrived)
    with socket.create_connection(listener.address):
        await taken.wait()
    listener.close()
    assert "nobody_let_in" not in capsys.readouterr().err


def test_workers_get_what_was_passed_and_need_not_ask_for_the_rest(opened: tuple[HostPort, int]) -> None:
    address, descriptor = opened
    listeners = Listeners([descriptor])
    (passed,) = listeners.for_workers([address, HostPort(host="127.0.0.1", port=0)])
    assert passed.getsockname()[1] == address.port
    listeners.refuse_the_rest()
    passed.close()


def test_workers_do_not_share_an_address_with_a_stranger(opened: tuple[HostPort, int]) -> None:
    address, descriptor = opened
    with pytest.raises(OSError, match="in use"):
        Listeners().for_workers([address])
    assert Listeners().for_workers([address], left=True) == []  # those of a first process that died are no strangers
    os.close(descriptor)
