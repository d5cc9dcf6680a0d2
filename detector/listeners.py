"""Where we listen: on sockets of our own, or on those that the service manager has opened before us.

With sockets of the service manager (systemd.socket(5)) a restart refuses nobody: who connects meanwhile waits, and the
logins that Postfix tells in that moment are not lost.
"""

import asyncio
import os
import socket
from collections.abc import Callable, MutableMapping, Sequence
from ipaddress import ip_address

from detector import log
from detector.config import ConfigError, HostPort

FIRST = 3
"""The first descriptor that is handed over (SD_LISTEN_FDS_START of sd_listen_fds(3))."""

BACKLOG = 4096
"""Connections that wait for us to take them, as many as Linux has (net.core.somaxconn): one for which there is no room
tries again a second later."""

IN_A_TURN = 8
"""Connections that are taken in one turn of the event loop. Where turns are short the first that may not stay is the
last: to turn it away costs as much as to take four, and a message waits for many turns."""

REFUSALS = 4000.0
"""Each second at least, though turns are long: who connects without end must not fill the queue where others wait."""

PAUSE = 1.0
"""Seconds after the system gave us none although one waits: it has no descriptors or no memory left."""

Arrived = Callable[[socket.socket, str], bool]
"""Is given each connection and the address that it comes from; whether it may stay."""


def passed_descriptors(environment: MutableMapping[str, str], process_id: int) -> Sequence[int]:
    """The descriptors that are meant for this process (sd_listen_fds(3)); the programs that we start do not hear of it.

    >>> passed_descriptors({"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}, process_id=7)
    range(3, 5)
    """
    told = {name: environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if told["LISTEN_PID"] != str(process_id) or not told["LISTEN_FDS"].isdecimal():
        return ()
    return range(FIRST, FIRST + int(told["LISTEN_FDS"]))


class Listener:
    """Takes who connects to one socket, a few in each turn of the event loop.

    A server of asyncio takes all that wait: those of who opens thousands at once would be taken before anybody else is
    served again.
    """

    def __init__(self, listening: socket.socket, arrived: Arrived) -> None:
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self.address: tuple[str, int] = listening.getsockname()[:2]
        self._socket = listening
        self._arrived = arrived
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._last_turn, self._overdue = self._loop.time(), 0.0  # refusals
        self._begin()

    def close(self) -> None:
        """Who is not taken yet is reset by the system."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _begin(self) -> None:
        self._loop.add_reader(self._socket, self._take)

    def _take(self) -> None:
        before, self._last_turn = self._last_turn, self._loop.time()
        self._overdue = min(self._overdue + (self._last_turn - before) * REFUSALS, IN_A_TURN)
        for _ in range(IN_A_TURN):
            try:
                connection, address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):  # nobody waits, or who did has gone
                return
            except OSError as error:  # it would be raised again at once, for as long as one waits
                log.nobody_let_in(":".join(map(str, self.address)), str(error), PAUSE)
                self._loop.remove_reader(self._socket)
                self._pause = self._loop.call_later(PAUSE, self._begin)
                return
            if not self._arrived(connection, address[0]):
                self._overdue = max(self._overdue - 1.0, -IN_A_TURN)
                if self._overdue < 1.0:
                    return


class Listeners:
    """Opens the listening sockets of one process; each that was passed is taken for the address that it is bound to."""

    def __init__(self, descriptors: Sequence[int] = (), shared: bool = False) -> None:
        """`shared`: other processes of ours listen on the same addresses, and the system divides who connects.

        Raises `ConfigError` where one of the descriptors is no TCP socket.
        """
        self._shared = shared
        self._passed: dict[tuple[str, int], socket.socket] = {}
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            passed = _tcp_socket(descriptor)
            self._passed[_where(passed)] = passed

    async def listen(self, arrived: Arrived, address: HostPort) -> list[Listener]:
        """One for each address that the host's name has. Raises `OSError` when one cannot be bound."""
        passed = self._passed.pop((_spelling(address.host), address.port), None)
        if passed is not None:
            return [Listener(passed, arrived)]
        found = await asyncio.get_running_loop().getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listeners: list[Listener] = []
        try:
            for family, where in dict.fromkeys((family, where) for family, _, _, _, where in found):
                opened = socket.create_server(where, family=family, reuse_port=self._shared)
                listeners.append(Listener(opened, arrived))
        except OSError:
            for listener in listeners:
                listener.close()
            raise
        return listeners

    def for_workers(self, addresses: Sequence[HostPort], left: bool = False) -> Sequence[socket.socket]:
        """What processes of ours are to listen on: sockets that were passed; the other addresses are free for them.

        `left`: processes of ours that a first process of before has left listen there now. Raises `OSError` for an
        address that another program has.
        """
        taken = []
        for address in addresses:
            passed = self._passed.pop((_spelling(address.host), address.port), None)
            if passed is not None:
                taken.append(passed)
            elif not left:
                _try(address)
        return taken

    def refuse_the_rest(self) -> None:
        """Whoever connects to a socket that nobody serves would wait for ever. Raises `ConfigError` that names them."""
        if self._passed:
            rest = ", ".join(f"{host}:{port}" for host, port in sorted(self._passed))
            msg = (
                f"the service manager listens on {rest} for us, but neither relay.listen nor policy_service.listen does"
            )
            raise ConfigError(msg)


def _try(address: HostPort) -> None:
    """Bind it alone. Who shares an address would not notice a stranger of the same user that shares it, too."""
    family, kind, protocol, _, where = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)


def _tcp_socket(descriptor: int) -> socket.socket:
    try:
        passed = socket.socket(fileno=descriptor)
    except OSError as error:
        msg = f"descriptor {descriptor} of the service manager is no socket: {error.strerror}"
        raise ConfigError(msg) from error
    if passed.family in {socket.AF_INET, socket.AF_INET6} and passed.type == socket.SOCK_STREAM:
        return passed
    passed.close()
    msg = f"descriptor {descriptor} of the service manager is no TCP socket: write ListenStream=ADDRESS:PORT"
    raise ConfigError(msg)


def _where(passed: socket.socket) -> tuple[str, int]:
    host, port = passed.getsockname()[:2]
    return _spelling(host), port


def _spelling(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        return host
