"""Builds from the configuration what the response acts with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from detector.config import (
    CommandAction,
    ConfigError,
    CsvDirectory,
    DovecotSessions,
    HttpAction,
    NextHop,
    PasswdFileProvider,
    Response,
)
from detector.ports import (
    AppPasswordRevoker,
    Clock,
    CustomerDirectory,
    MailQueue,
    PasswordProvider,
    SessionEnder,
)
from detector.response.build_people import Builder
from detector.response.command import Command, CommandPassword, CommandSessions
from detector.response.directory import CommandDirectory, CsvFile, HttpDirectory
from detector.response.dovecot import Dovecot
from detector.response.hooks import Target
from detector.response.http import Endpoint, HttpPassword
from detector.response.notices import Notices
from detector.response.passwd_file import PasswdFile
from detector.response.secret import read_secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Providers:
    """What is None or empty is not configured: its step is skipped, and the timeline says so."""

    password: PasswordProvider | None = None
    sessions: SessionEnder | None = None
    directory: CustomerDirectory | None = None
    notices: Notices | None = None
    hooks: tuple[Target, ...] = ()
    app_passwords: AppPasswordRevoker | None = None
    queue: MailQueue | None = None

    def check(self) -> list[str]:
        """Try them all without changing anything; what was found. Raises `ConfigError` with one line for each fault."""
        acting = [self.password, self.app_passwords, self.sessions, self.queue]
        parts = [*acting, self.directory, self.notices, *(t.hook for t in self.hooks)]
        found, problems = [], []
        for part in parts:
            try:
                if part is not None:
                    found.append(part.check())
            except ConfigError as error:
                problems.append(str(error))
        if problems:
            raise ConfigError("\n".join(problems))
        return found


def build(settings: Response, next_hop: NextHop, hostname: str, clock: Clock) -> Providers:
    """Raises `ConfigError` for secrets, certificates or templates that cannot be used, one line for each fault."""
    providers, problems = build_usable(settings, next_hop, hostname, clock)
    if problems:
        raise ConfigError("\n".join(problems))
    return providers


def build_usable(settings: Response, next_hop: NextHop, hostname: str, clock: Clock) -> tuple[Providers, Sequence[str]]:
    """What can be built, and what is wrong with the rest: so that a check can try the one and tell the other."""
    problems: list[str] = []

    def tried(make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ConfigError as error:
            problems.extend(str(error).splitlines())
            return None

    notice = settings.notice
    people = Builder(next_hop, hostname, clock)
    hooks = [tried(partial(people.target, hook)) for hook in settings.hooks]
    directory = None if settings.directory is None else tried(partial(_directory, settings.directory, clock))
    providers = Providers(
        password=None if settings.password is None else tried(partial(_password, settings.password, clock)),
        sessions=None if settings.sessions is None else tried(partial(_sessions, settings.sessions, clock)),
        directory=directory,
        notices=None if notice is None else tried(partial(people.notices, notice, directory)),
        hooks=tuple(hook for hook in hooks if hook is not None),
    )
    return providers, problems


def _password(settings: PasswdFileProvider | CommandAction | HttpAction, clock: Clock) -> PasswordProvider:
    if isinstance(settings, PasswdFileProvider):
        return PasswdFile(settings)
    if isinstance(settings, CommandAction):
        return CommandPassword(Command(settings), clock)
    return HttpPassword(_endpoint(settings, clock), clock)


def _sessions(settings: DovecotSessions | CommandAction, clock: Clock) -> SessionEnder:
    return Dovecot(settings) if isinstance(settings, DovecotSessions) else CommandSessions(Command(settings), clock)


def _directory(settings: CsvDirectory | CommandAction | HttpAction, clock: Clock) -> CustomerDirectory:
    if isinstance(settings, CsvDirectory):
        return CsvFile(settings)
    if isinstance(settings, CommandAction):
        return CommandDirectory(Command(settings), clock)
    return HttpDirectory(_endpoint(settings, clock), clock)


def _endpoint(settings: HttpAction, clock: Clock) -> Endpoint:
    return Endpoint(settings, read_secret(settings.secret), clock)
