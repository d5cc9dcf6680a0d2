"""The logs that the configuration names are followed, each with the servers that write it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from detector.config import Config, ConfigError, FileLog, SyslogLog, parse
from detector.feedback.build import Following, listening
from detector.metrics import Metrics
from detector.state.handed_over import MemoryHandedOver
from tests.support.certificates import make_certificate
from tests.support.feedback import KEY, NOW, MemorySink, hand_over
from tests.support.ports import HOST, free_port
from tests.support.stores import eventually
from tests.unit.replay.postfix_log import Log


@asynccontextmanager
async def following(config: Config, sink: MemorySink) -> AsyncIterator[MemoryHandedOver]:
    metrics = Metrics("test")
    config.state.directory.mkdir(exist_ok=True)
    store = MemoryHandedOver(config.state.directory / "handed_over.sqlite", 1.0, 864_000.0, 1000, metrics)
    followers = Following(config, store, sink, KEY, metrics, lambda: NOW + 1)
    await followers.start()
    try:
        for log in config.feedback.logs:
            if isinstance(log, FileLog):
                await eventually(partial(followers._followed.position, log.name), f"{log.name} is followed")
        yield store
    finally:
        await followers.stop()
        store.close()


def bounced(queue_id: str, host: str) -> list[bytes]:
    log = Log(host)
    log.deliver(NOW, queue_id, "bob@y.example", "5.1.1")
    return log.lines


async def test_the_logs_of_two_hosts_with_the_same_queue_id_lead_to_two_accounts(tmp_path: Path) -> None:
    text = f'state.directory = "{tmp_path / "state"}"\nnext_hop.servers = ["192.0.2.1:25", "192.0.2.2:25"]\n'
    for number in (1, 2):
        text += f'[[feedback.logs]]\nsource = "file"\nmta = "postfix"\npath = "{tmp_path}/mx{number}.log"\n'
        text += f'next_hops = ["192.0.2.{number}:25"]\n'
        (tmp_path / f"mx{number}.log").touch()
    sink = MemorySink()
    async with following(parse(text), sink) as store:
        await hand_over(store, "4AB1", ["bob@y.example"], account="ann", server="192.0.2.1:25")
        await hand_over(store, "4AB1", ["bob@y.example"], account="eve", server="192.0.2.2:25")
        (tmp_path / "mx2.log").write_bytes(b"".join(bounced("4AB1", "mx2")))
        await eventually(lambda: sink.short() == [("eve", "bounced", "5.1.1")], "the second host is heard")
        (tmp_path / "mx1.log").write_bytes(b"".join(bounced("4AB1", "mx1")))
        await eventually(lambda: len(sink.short()) == 2, "both are heard")
    assert {account for account, _, _ in sink.short()} == {"ann", "eve"}


async def test_a_log_is_followed_on_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    config = parse(
        f'state.directory = "{tmp_path / "state"}"\n[[feedback.logs]]\nsource = "file"\nmta = "postfix"\n'
        f'path = "{path}"\n'
    )
    path.write_bytes(b"of long ago\n")
    sink = MemorySink()

    def told(count: int) -> bool:
        return len(sink.told) == count

    for number in (1, 2):
        async with following(config, sink) as store:
            await hand_over(store, f"4AB{number}", ["bob@y.example"], server="127.0.0.1:10026")
            await eventually(partial(told, number - 1), "nothing more is told")
            with path.open("ab") as file:
                file.writelines(bounced(f"4AB{number}", "mx1"))
            await eventually(partial(told, number), "the new line is heard")
    assert sink.repeated == 0


async def test_syslog_of_another_host_is_heard(tmp_path: Path) -> None:
    port = free_port()
    text = f'[[feedback.logs]]\nsource = "syslog"\nmta = "exim"\nlisten = "{HOST}:{port}"\n'
    sink = MemorySink()
    async with following(parse(f'state.directory = "{tmp_path / "state"}"\n{text}'), sink) as store:
        await hand_over(store, "1xV2CX-0002CW-2L", ["bob@y.example"], server="127.0.0.1:10026")
        line = (
            b"<22>Mar  5 10:00:00 mx1 exim[7]: 1xV2CX-0002CW-2L == bob@y.example R=out T=smtp defer (-44): 451 4.7.1 no"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.sendto(line, (HOST, port))
        await eventually(lambda: bool(sink.told), "it is heard")
    assert sink.short() == [("ann", "deferred", "4.7.1")]


async def test_an_address_that_is_taken_is_an_error_at_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        where = f"{HOST}:{taken.getsockname()[1]}"
        text = f'[[feedback.logs]]\nsource = "syslog"\nmta = "postfix"\ntransport = "tcp"\nlisten = "{where}"'
        with pytest.raises(OSError, match="in use"):
            async with following(parse(f'state.directory = "{tmp_path / "state"}"\n{text}'), MemorySink()):
                pass


def test_a_certificate_is_used_or_the_operator_is_told(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, "mx1.example")
    good = {"certificate": made.path, "key": made.key_path, "client_ca": made.path}
    for tls, works in ((good, True), ({**good, "key": tmp_path / "missing"}, False)):
        settings = SyslogLog.model_validate({"source": "syslog", "mta": "postfix", "transport": "tls", "tls": tls})
        if works:
            assert listening(settings).tls is not None
        else:
            with pytest.raises(ConfigError, match="missing"):
                listening(settings)
