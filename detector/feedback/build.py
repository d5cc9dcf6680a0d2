"""The followers of the logs that the configuration names."""

import asyncio
from dataclasses import dataclass, field

from detector.config import Config, ConfigError, FileLog, JournalLog, Logs, SyslogLog
from detector.feedback import exim_log, postfix_log
from detector.feedback.attribution import Attribution
from detector.feedback.follower import Follower
from detector.feedback.journal import JournalSource
from detector.feedback.log_file import FileSource
from detector.feedback.notices import Read
from detector.feedback.source import Source
from detector.feedback.syslog_server import Listening, SyslogSource, tls_context
from detector.metrics import Metrics
from detector.ports import Clock, FeedbackSink, HandedOver
from detector.state.followed import Followed

READERS: dict[str, Read] = {"postfix": postfix_log.read, "exim": exim_log.read}


@dataclass(slots=True)
class Following:
    """All followers of one process; runs between `start` and `stop`."""

    config: Config
    handed_over: HandedOver
    sink: FeedbackSink
    recipient_key: bytes
    metrics: Metrics
    clock: Clock
    _followed: Followed = field(init=False)
    _sources: list[Source] = field(init=False, default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._followed = Followed(self.config.state.directory / "followed.sqlite")  # it is opened when it is needed

    async def start(self) -> None:
        """Raises `ConfigError`, `Temporary` or `OSError`."""
        for settings in self.config.feedback.logs:
            position = await asyncio.to_thread(self._followed.position, settings.name)
            source = await _source(settings, position)
            self._sources.append(source)
            self._tasks.append(asyncio.get_running_loop().create_task(self._follower(settings, source).run()))

    async def stop(self) -> None:
        """What was read and not told yet is read again by the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for source in self._sources:
            await source.close()
        await asyncio.to_thread(self._followed.close)

    def _follower(self, settings: Logs, source: Source) -> Follower:
        servers = settings.next_hops or self.config.next_hop.servers
        attribution = Attribution(
            settings.name,
            [str(server) for server in servers],
            self.handed_over,
            self.recipient_key,
            frozenset(str(address.port) for address in self.config.relay.listen),
        )
        return Follower(
            settings.name,
            source,
            READERS[settings.mta],
            attribution,
            self.sink,
            self._followed,
            self.metrics,
            self.clock,
        )


async def _source(settings: Logs, position: str) -> Source:
    if isinstance(settings, FileLog):
        return FileSource(settings.path, position)
    if isinstance(settings, JournalLog):
        return JournalSource(settings.journalctl, position)
    source = SyslogSource(listening(settings))
    await source.start()
    return source


def listening(settings: SyslogLog) -> Listening:
    """Raises `ConfigError` if the certificate cannot be used."""
    context = None
    if settings.tls is not None:
        tls = settings.tls
        try:
            context = tls_context(str(tls.certificate), str(tls.key), str(tls.client_ca or ""))
        except OSError as error:  # ssl.SSLError is one
            msg = f"feedback.logs: {tls.certificate}, {tls.key} and {tls.client_ca or 'no authority'}: {error}"
            raise ConfigError(msg) from error
    where = settings.listen
    return Listening(where.host, where.port, settings.clients, settings.transport == "udp", context)
