"""Builds from the configuration what the response acts with."""

from dataclasses import dataclass

from detector.config import (
    CommandAction,
    ConfigError,
    CsvDirectory,
    DovecotSessions,
    HttpAction,
    NextHop,
    NoticeSettings,
    PasswdFileProvider,
    Response,
)
from detector.incident.notice import DEFAULT_TEMPLATE, check_template, check_words
from detector.ports import Clock, CustomerDirectory, Hook, Notifier, PasswordProvider, SessionEnder
from detector.response.command import Command, CommandPassword, CommandSessions
from detector.response.directory import CommandDirectory, CsvFile
from detector.response.dovecot import Dovecot
from detector.response.hooks import CommandHook, HttpHook, Target
from detector.response.http import Endpoint, HttpPassword
from detector.response.passwd_file import PasswdFile
from detector.response.secret import read_secret
from detector.response.smtp_notifier import SmtpNotifier


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

    def check(self) -> list[str]:
        """Try them all without changing anything; what was found. Raises `ConfigError` with one line for each fault."""
        parts = [self.password, self.sessions, self.directory, self.notifier, *(t.hook for t in self.hooks)]
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
    """Raises `ConfigError` for secrets, certificates or templates that cannot be used."""
    notice = settings.notice
    return Providers(
        password=None if settings.password is None else _password(settings.password, clock),
        sessions=None if settings.sessions is None else _sessions(settings.sessions, clock),
        directory=None if settings.directory is None else _directory(settings.directory, clock),
        notifier=None if notice is None else SmtpNotifier(notice, next_hop, hostname, clock),
        hooks=tuple(Target(_hook(hook.name, hook.action, clock), hook.redaction) for hook in settings.hooks),
        template=DEFAULT_TEMPLATE if notice is None else _template(notice),
        contact="" if notice is None else notice.contact,
    )


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
