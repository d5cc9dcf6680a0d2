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
    HookSettings,
    HttpAction,
    NextHop,
    NoticeSettings,
    PasswdFileProvider,
    Response,
)
from detector.incident.notice import DEFAULT_TEMPLATE, check_template, check_words
from detector.ports import (
    AppPasswordRevoker,
    Clock,
    CustomerDirectory,
    Hook,
    MailQueue,
    Notifier,
    PasswordProvider,
    SessionEnder,
)
from detector.response.command import Command, CommandPassword, CommandSessions
from detector.response.directory import CommandDirectory, CsvFile
from detector.response.dovecot import Dovecot
from detector.response.hooks import CommandHook, HttpHook, Target
from detector.response.http import Endpoint, HttpPassword
from detector.response.passwd_file import PasswdFile
from detector.response.secret import read_secret
from detector.response.smtp_notifier import SmtpNotifier

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Providers:
    """What is None or empty is not configured: its step is skipped, and the timeline says so.

    `template` and `contact` are the words of the notice.
    """

    password: PasswordProvider | None = None
    sessions: SessionEnder | None = None
    directory: CustomerDirectory | None = None
    notifier: Notifier | None = None
    hooks: tuple[Target, ...] = ()
    template: str = DEFAULT_TEMPLATE
    contact: str = ""
    app_passwords: AppPasswordRevoker | None = None
    queue: MailQueue | None = None

    def check(self) -> list[str]:
        """Try them all without changing anything; what was found. Raises `ConfigError` with one line for each fault."""
        acting = [self.password, self.app_passwords, self.sessions, self.queue]
        parts = [*acting, self.directory, self.notifier, *(t.hook for t in self.hooks)]
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
    hooks = [tried(partial(_target, hook, clock)) for hook in settings.hooks]
    providers = Providers(
        password=None if settings.password is None else tried(partial(_password, settings.password, clock)),
        sessions=None if settings.sessions is None else tried(partial(_sessions, settings.sessions, clock)),
        directory=None if settings.directory is None else tried(partial(_directory, settings.directory, clock)),
        notifier=None if notice is None else tried(partial(SmtpNotifier, notice, next_hop, hostname, clock)),
        hooks=tuple(hook for hook in hooks if hook is not None),
        template=DEFAULT_TEMPLATE if notice is None else tried(partial(_template, notice)) or DEFAULT_TEMPLATE,
        contact="" if notice is None else notice.contact,
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


def _directory(settings: CsvDirectory | CommandAction, clock: Clock) -> CustomerDirectory:
    return CsvFile(settings) if isinstance(settings, CsvDirectory) else CommandDirectory(Command(settings), clock)


def _target(settings: HookSettings, clock: Clock) -> Target:
    return Target(_hook(settings.name, settings.action, clock), settings.redaction)


def _hook(name: str, action: CommandAction | HttpAction, clock: Clock) -> Hook:
    if isinstance(action, CommandAction):
        return CommandHook(name, Command(action))
    return HttpHook(name, _endpoint(action, clock))


def _endpoint(settings: HttpAction, clock: Clock) -> Endpoint:
    return Endpoint(settings, read_secret(settings.secret), clock)


def _template(settings: NoticeSettings) -> str:
    """The operator's template, or ours; refused when it asks for a password or carries a link."""
    text, place = DEFAULT_TEMPLATE, "the notice"
    if settings.template is not None:
        place = f"notice template {settings.template}"
        try:
            text = settings.template.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{place} cannot be read: {error}"
            raise ConfigError(msg) from error
    problems = [f"{place}: {problem}" for problem in check_template(text)]
    problems += [f"response.notice.contact: {problem}" for problem in check_words(settings.contact)]
    if problems:
        raise ConfigError("\n".join(problems))
    return text
