import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import config
from detector.listeners import Listeners
from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.relay.policy_service import PolicyService

DUNNO = b"action=DUNNO\n\n"
REQUEST = b"""request=smtpd_access_policy
protocol_state=END-OF-MESSAGE
protocol_name=ESMTP
helo_name=pc
queue_id=037BC21A91B
sender=ann@example.org
recipient_count=60
client_address=198.51.100.7
client_port=40123
sasl_method=PLAIN
sasl_username=ann@example.org
size=2048
an_attribute_of_tomorrow=a=b

"""
ANONYMOUS = REQUEST.replace(b"sasl_username=ann@example.org", b"sasl_username=")
BROKEN = [
    b"\n",
    b"\n\n\n",
    b"request=smtpd_access_policy\nno equals sign\n\n",
    b"request=junk\nsasl_username=ann\nqueue_id=1\n\n",
    b"sasl_username=ann\nqueue_id=1\n\n",
    b"request=smtpd_access_policy\nsasl_username=ann\n\n",
    b"request=smtpd_access_policy\nsasl_username=ann\nclient_address=192.0.2.1\n\n",
    b"request=smtpd_access_policy\nsasl_username=ann\nsasl_username=bea\nqueue_id=1\n\n",
    b"\x00\xff\xfe=\n\xff\n\n",
]


@dataclass
class Joins:
    """Keeps what it is told; or fails, or never answers, as asked."""

    told: list[tuple[PolicyRequest, float]] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event | None = None
    whole: bool = True

    async def remember(self, request: PolicyRequest, now: float) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.told.append((request, now))

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None:
        return next((r for r, _ in self.told if (r.host, r.queue_id) == (host, queue_id)), None)

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None:
        wanted = (host, client_address, client_port)
        return next((r for r, _ in self.told if (r.host, r.client_address, r.client_port) == wanted), None)


@dataclass
class Running:
    service: PolicyService
    joins: Joins
    metrics: Metrics

    def count(self, result: str) -> float:
        return self.metrics.registry.get_sample_value("detector_policy_requests_total", {"result": result}) or 0.0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.service.addresses[0])

    async def ask(self, octets: bytes) -> bytes:
        """Everything that is answered until the server or we are done."""
        reader, writer = await self.connect()
        writer.write(octets)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def running(joins: Joins | None = None, **keys: object) -> AsyncIterator[Running]:
    joins = joins or Joins()
    metrics = Metrics("test")
    section = config.PolicyService.model_validate({"listen": ["127.0.0.1:0"], **keys})
    service = PolicyService(section, joins, metrics, lambda: 1000.0)
    await service.start(Listeners())
    try:
        yield Running(service, joins, metrics)
    finally:
        await service.stop()


async def test_a_login_is_remembered_before_the_answer() -> None:
    async with running() as server:
        reader, writer = await server.connect()
        writer.write(REQUEST)
        assert await reader.readexactly(len(DUNNO)) == DUNNO
        request = PolicyRequest(
            "loopback", "037BC21A91B", "198.51.100.7", "40123", "ann@example.org", "ann@example.org"
        )
        assert server.joins.told == [(request, 1000.0)]
        assert server.count("login") == 1
        writer.close()


async def test_many_requests_on_one_connection_are_answered_in_order() -> None:
    async with running() as server:
        requests = [REQUEST.replace(b"037BC21A91B", b"%d" % number) for number in range(100)]
        reader, writer = await server.connect()
        for request in requests:
            writer.write(request)
            assert await reader.readexactly(len(DUNNO)) == DUNNO
        writer.write(b"".join(requests))  # and all at once
        assert await reader.readexactly(100 * len(DUNNO)) == 100 * DUNNO
        assert [request.queue_id for request, _ in server.joins.told] == [str(n) for n in range(100)] * 2
        writer.close()


async def test_a_request_may_come_in_pieces_and_with_crlf() -> None:
    async with running() as server:
        reader, writer = await server.connect()
        for octet in REQUEST.replace(b"\n", b"\r\n"):
            writer.write(bytes((octet,)))
            await writer.drain()
        assert await reader.readexactly(len(DUNNO)) == DUNNO
        assert server.joins.told[0][0].sasl_username == "ann@example.org"
        writer.close()


async def test_mail_without_login_under_a_used_queue_id_is_not_taken_for_the_earlier_login() -> None:
    async with running() as server:
        assert await server.ask(REQUEST) == DUNNO
        assert await server.ask(REQUEST.replace(b"sasl_username=ann@example.org", b"sasl_username=")) == DUNNO
        assert [request.sasl_username for request, _ in server.joins.told] == ["ann@example.org", ""]


async def test_without_login_there_is_nothing_to_remember() -> None:
    async with running() as server:
        assert await server.ask(ANONYMOUS) == DUNNO
        assert server.joins.told == []
        assert server.count("anonymous") == 1


@pytest.mark.parametrize("request_", BROKEN)
async def test_a_broken_request_is_answered_too(request_: bytes) -> None:
    async with running() as server:
        answer = await server.ask(request_ + REQUEST)
        assert answer == DUNNO * (len(answer) // len(DUNNO))
        assert len(answer) >= 2 * len(DUNNO)
        assert server.count("broken") >= 1
        assert len(server.joins.told) == 1


@pytest.mark.parametrize(
    "endless", [b"a=b\n" * 300, b"a" * 70_000, b"a=" + b"b" * 70_000 + b"\n\n", b"a=b\n" * 100_000]
)
async def test_an_over_long_request_is_answered_once_and_the_connection_closed(endless: bytes) -> None:
    async with running() as server:
        reader, writer = await server.connect()
        writer.write(endless)
        assert await reader.readexactly(len(DUNNO)) == DUNNO
        assert await reader.read() == b""
        assert server.count("broken") == 1
        writer.close()


@pytest.mark.parametrize("error", [Temporary("the store is away"), ValueError("a bug")])
async def test_a_failing_store_does_not_delay_mail(error: Exception) -> None:
    async with running(Joins(error=error)) as server:
        assert await server.ask(REQUEST + REQUEST) == DUNNO * 2
        assert server.count("broken") == 2


async def test_a_store_that_never_answers_does_not_hold_up_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.relay.policy_service.REMEMBER_TIME", 0.01)
    async with running(Joins(gate=asyncio.Event())) as server:
        assert await server.ask(REQUEST) == DUNNO
        assert server.count("broken") == 1


async def test_who_is_not_listed_is_turned_away() -> None:
    async with running(clients=["192.0.2.0/24"]) as server:
        reader, writer = await server.connect()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        refused = {"reason": "not_allowed"}
        assert server.metrics.registry.get_sample_value("detector_connections_refused_total", refused) == 1


async def test_too_many_connections_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.relay.policy_service.CONNECTIONS", 1)
    async with running() as server:
        reader, writer = await server.connect()
        writer.write(REQUEST)
        assert await reader.readexactly(len(DUNNO)) == DUNNO
        second, second_writer = await server.connect()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await second.readexactly(1)
        second_writer.close()
        writer.close()
        await writer.wait_closed()
        assert server.count("login") == 1


async def test_an_idle_connection_is_closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.relay.policy_service.IDLE_TIME", 0.01)
    async with running() as server:
        reader, writer = await server.connect()
        assert await reader.read() == b""
        writer.close()


async def test_a_stop_answers_what_has_been_asked() -> None:
    gate = asyncio.Event()
    async with running(Joins(gate=gate)) as server:
        address = server.service.addresses[0]
        reader, writer = await server.connect()
        writer.write(REQUEST)
        other_reader, other_writer = await server.connect()
        other_writer.write(b"\n")
        assert await other_reader.readexactly(len(DUNNO)) == DUNNO  # so the first request has been read as well
        stopping = asyncio.ensure_future(server.service.stop())
        gate.set()
        await stopping
        assert await reader.read() == DUNNO
        assert await other_reader.read() == b""
        for each in (writer, other_writer):
            each.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


async def test_an_address_in_use_is_told_and_nothing_stays_open() -> None:
    async with running() as server:
        taken = "{}:{}".format(*server.service.addresses[0])
        section = config.PolicyService.model_validate({"listen": ["127.0.0.1:0", taken]})
        second = PolicyService(section, Joins(), Metrics("test"), lambda: 0.0)
        with pytest.raises(OSError, match="in use"):
            await second.start(Listeners())
        assert second.addresses == []


@settings(max_examples=50, deadline=None)
@given(
    octets=st.lists(
        st.one_of(
            st.binary(max_size=50), st.sampled_from([b"\n", b"\r\n", b"=", b"request=smtpd_access_policy\n", REQUEST])
        )
    ).map(b"".join)
)
async def test_any_octets_get_dunno_or_silence(octets: bytes) -> None:
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with running() as server:
        answer = await server.ask(octets)
        assert answer == DUNNO * (len(answer) // len(DUNNO))
        assert await server.ask(REQUEST) == DUNNO
    assert faults == []
