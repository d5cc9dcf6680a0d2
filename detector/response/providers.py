"""Builds from the configuration what the response acts with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from detector.config import ConfigError, NextHop, Response, Section
from detector.ports import (
    AppPasswordRevoker,
    Clock,
    CustomerDirectory,
    MailQueue,
    PasswordProvider,
    SessionEnder,
)
from detector.response.build_panels import PANEL_APP_PASSWORDS, PANEL_PASSWORDS, queues, sessions
from detector.response.build_passwords import APP_PASSWORDS, DIRECTORIES, PASSWORDS
from detector.response.build_people import Builder
from detector.response.hooks import Target
from detector.response.notices import Notices

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


def build(settings: Response, next_hop: NextHop, hostname: str, clock: Clock, state: Path) -> Providers:
    """Build all; `state` is the directory of what we keep.

    Raises `ConfigError` for secrets, certificates or templates that cannot be used, one line for each fault.
    """
    providers, problems = build_usable(settings, next_hop, hostname, clock, state)
    if problems:
        raise ConfigError("\n".join(problems))
    return providers


def build_usable(
    settings: Response, next_hop: NextHop, hostname: str, clock: Clock, state: Path
) -> tuple[Providers, Sequence[str]]:
    """What can be built, and what is wrong with the rest: so that a check can try the one and tell the other."""
    problems: list[str] = []

    def tried(make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ConfigError as error:
            problems.extend(str(error).splitlines())
            return None

    def made(builders: Mapping[type[Section], Callable[[Any, Clock], T]], section: Section | None) -> T | None:
        return None if section is None else tried(partial(builders[type(section)], section, clock))

    notice = settings.notice
    people = Builder(next_hop, hostname, clock)
    hooks = [tried(partial(people.target, hook)) for hook in settings.hooks]
    directory = made(DIRECTORIES, settings.directory)
    providers = Providers(
        password=made(PASSWORDS | PANEL_PASSWORDS, settings.password),
        app_passwords=made(APP_PASSWORDS | PANEL_APP_PASSWORDS, settings.app_passwords),
        sessions=tried(partial(sessions, settings.sessions, clock)) if settings.sessions else None,
        queue=tried(partial(queues, settings.queue, state / "queue", clock)) if settings.queue else None,
        directory=directory,
        notices=None if notice is None else tried(partial(people.notices, notice, directory)),
        hooks=tuple(hook for hook in hooks if hook is not None),
    )
    return providers, problems
