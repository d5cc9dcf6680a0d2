"""Sockets that somebody else has opened, passed by their number."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from detector.config import ConfigError, HostPort
from detector.listeners import Listeners, passed_descriptors

ENVIRONMENT = {"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "relay:policy", "HOME": "/"}


@pytest.fixture(params=["127.0.0.1", "::1"])
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[HostPort, int]]:
    """A listening socket as the service manager opens it, and its number here."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listening:
        listening.bind((request.param, 0))
        listening.listen()
        yield HostPort(host=request.param, port=listening.getsockname()[1]), listening.detach()


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"220 hop\r\n")
        transport.close()


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
    server = await listeners.listen(Greeting, address)
    assert await reader.readline() == b"220 hop\r\n"
    assert not os.get_inheritable(descriptor)
    listeners.refuse_the_rest()
    writer.close()
    server.close()


async def test_an_address_that_was_not_passed_is_bound_as_ever(opened: tuple[HostPort, int]) -> None:
    server = await Listeners().listen(Greeting, HostPort(host="127.0.0.1", port=0))
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await reader.readline() == b"220 hop\r\n"
    writer.close()
    server.close()
    os.close(opened[1])


async def test_a_socket_that_the_configuration_does_not_name_is_refused(opened: tuple[HostPort, int]) -> None:
    address, descriptor = opened
    listeners = Listeners([descriptor])
    with pytest.raises(ConfigError, match=str(address.port)):
        listeners.refuse_the_rest()
    (await listeners.listen(Greeting, address)).close()


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
    first = await Listeners(shared=True).listen(Greeting, HostPort(host="127.0.0.1", port=0))
    address = HostPort(host="127.0.0.1", port=first.sockets[0].getsockname()[1])
    second = await Listeners(shared=True).listen(Greeting, address)
    first.close()
    reader, writer = await asyncio.open_connection(address.host, address.port)
    assert await reader.readline() == b"220 hop\r\n"
    writer.close()
    second.close()


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
