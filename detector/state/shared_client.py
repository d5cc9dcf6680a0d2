"""The client of Valkey or Redis that a configuration names: one server, a Cluster, or whom Sentinels call master."""

import ssl
from collections.abc import Sequence
from typing import Any

from valkey.asyncio import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection, Valkey
from valkey.asyncio.cluster import ClusterNode, ValkeyCluster
from valkey.asyncio.sentinel import Sentinel

from detector.config.errors import ConfigError
from detector.config.shared import Place, SharedState
from detector.ports import Secret

CONNECT_TIME = 5.0
"""Seconds for a connection with its TLS handshake. Only whoever is not connected waits for one, and no mail with it."""
CONNECTIONS = 8
"""At most, to each server: one carries everything that mail asks, others list accounts."""


class Client:
    """All kinds of clients in one shape. What they raise are `ValkeyError`, `OSError` and `TimeoutError`.

    `beside` are those of Sentinels, that are closed with it.
    """

    def __init__(self, client: Any, clustered: bool, beside: Sequence[Any] = ()) -> None:
        self._client = client
        self._beside = beside
        self.clustered = clustered

    async def run(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send all of them, and then wait for all answers: one round trip, to each server that has a key of them.

        An error that a server answers stands in its place. Nothing is undone when only some could be sent.
        """
        # No transaction: each command is atomic, and they have nothing to do with each other.
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def nodes(self) -> list[Any]:
        """Whom to `ask`, one after the other: together they have all keys."""
        if not self.clustered:
            return [self._client]
        await self._client.initialize()
        return list(self._client.get_primaries())

    async def ask(self, *command: Any, node: Any = None) -> Any:
        """One command, on a connection beside the one that mail uses. Without a node: whoever has its key."""
        return await (node or self._client).execute_command(*command)

    async def aclose(self) -> None:
        if not self.clustered:
            await self._client.connection_pool.disconnect()
        for client in (self._client, *self._beside):
            await client.aclose()


def open_client(shared: SharedState, secret: Secret | None) -> Client:
    """A client that has not connected yet. Raises `ConfigError` when `ca_file` cannot be used."""
    place = shared.place
    if place is None:
        msg = "state.url is empty: nothing is shared"
        raise ConfigError(msg)
    tls = _tls(place, shared)
    options: dict[str, Any] = {
        "username": place.user or None,
        "password": secret.text if secret else None,
        "socket_connect_timeout": CONNECT_TIME,
        # Whoever asks has a time limit of his own. The client's, by `asyncio.wait_for`, may swallow that one as long as
        # Python is older than 3.12.
        "socket_timeout": None,
        "max_connections": CONNECTIONS,
    }
    if place.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in place.hosts]
        # What failed is not sent again by the client: only we know what may be done twice.
        options |= {"cluster_error_retry_attempts": 1, "connection_error_retry_attempts": 1}
        return Client(ValkeyCluster(startup_nodes=nodes, **options, **tls), clustered=True)
    options["db"] = place.database
    if place.kind == "sentinel":
        asked = {"socket_connect_timeout": CONNECT_TIME, "socket_timeout": None, **tls}
        sentinel = Sentinel(place.hosts, sentinel_kwargs=asked, **tls)  # type: ignore[no-untyped-call]
        return Client(sentinel.master_for(place.service, **options), clustered=False, beside=sentinel.sentinels)
    return Client(Valkey(connection_pool=_pool(place, options, tls)), clustered=False)


def _pool(place: Place, options: dict[str, Any], tls: dict[str, Any]) -> ConnectionPool:
    if place.kind == "unix":
        return ConnectionPool(connection_class=UnixDomainSocketConnection, path=str(place.socket), **options)
    (host, port), kind = place.hosts[0], SSLConnection if place.tls else Connection
    tls = {word: value for word, value in tls.items() if word != "ssl"}  # the class says it already
    return ConnectionPool(connection_class=kind, host=host, port=port, **options, **tls)


def _tls(place: Place, shared: SharedState) -> dict[str, Any]:
    if not place.tls:
        return {}
    try:  # the client would find out with the first mail
        ssl.create_default_context(cafile=shared.ca_file)
    except OSError as error:  # ssl.SSLError is one
        msg = f"state.ca_file: {shared.ca_file} cannot be used: {error}"
        raise ConfigError(msg) from error
    file = str(shared.ca_file) if shared.ca_file else None
    return {"ssl": True, "ssl_ca_certs": file, "ssl_min_version": ssl.TLSVersion.TLSv1_2, "ssl_check_hostname": True}
