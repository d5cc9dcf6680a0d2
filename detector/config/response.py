"""What is done about an incident: passwords, sessions, the customer, the operators."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from detector.config.actions import Argv, CommandAction, HttpAction
from detector.config.database import DatabaseUrl
from detector.config.errors import Contradiction
from detector.config.ldap import ActiveDirectoryPassword, LdapDirectory, LdapPassword
from detector.config.panels import CpanelPanel, DovecotHttpSessions, KeycloakPanel, MailcowPanel, WildduckPanel
from detector.config.people import CsvDirectory, HookSettings, NoticeSettings
from detector.config.queues import PostfixQueue
from detector.config.sql import SqlAppPasswords, SqlDirectory, SqlPassword
from detector.config.values import AbsolutePath, Count, Flag, Seconds, Section
from detector.config.workflow import DryRun, Escalation, Retry
from detector.incident.strike import StrikeRule


class PasswdFileProvider(Section):
    """A Dovecot passwd-file, replaced atomically."""

    provider: Literal["passwd-file"]
    path: AbsolutePath
    scheme: Literal["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT"] = "BLF-CRYPT"


class DovecotSessions(Section):
    """`doveadm auth cache flush`, then `doveadm kick`."""

    provider: Literal["dovecot"]
    doveadm: Argv = ("doveadm",)
    timeout: Seconds = 30.0


class Strikes(Section):
    """Confirmed incidents: `limit` of them within `fade_after` seconds propose to people to end the service."""

    limit: Count = 3
    fade_after: Seconds = 31_536_000.0

    @property
    def rule(self) -> StrikeRule:
        return StrikeRule(self.limit, self.fade_after)


def _several(value: object) -> object:
    """Of what there may be several, one may be written as a table of its own: [x] in place of [[x]]."""
    return [value] if isinstance(value, dict | Section) else value


Panels = KeycloakPanel | MailcowPanel | WildduckPanel | CpanelPanel
Stores = PasswdFileProvider | SqlPassword | LdapPassword | ActiveDirectoryPassword
Passwords = Stores | CommandAction | HttpAction | Panels
AppPasswords = SqlAppPasswords | CommandAction | HttpAction | MailcowPanel | WildduckPanel
Sessions = DovecotSessions | DovecotHttpSessions | CommandAction | KeycloakPanel | WildduckPanel
Queues = PostfixQueue | CommandAction
Directories = CsvDirectory | CommandAction | HttpAction | SqlDirectory | LdapDirectory


class Response(Section):
    """What is done about an incident. A part that is not named is not done, and the timeline says so."""

    password: Annotated[Passwords, Field(discriminator="provider")] | None = None
    app_passwords: Annotated[AppPasswords, Field(discriminator="provider")] | None = None
    sessions: Annotated[
        tuple[Annotated[Sessions, Field(discriminator="provider")], ...], BeforeValidator(_several)
    ] = ()
    queue: Annotated[tuple[Annotated[Queues, Field(discriminator="provider")], ...], BeforeValidator(_several)] = ()
    directory: Annotated[Directories, Field(discriminator="provider")] | None = None
    notice: NoticeSettings | None = None
    hooks: tuple[HookSettings, ...] = ()
    password_changes_per_hour: Count = 20
    breaker_resumes: Flag = False
    workflow_url: DatabaseUrl = ""
    retry: Retry = Retry()
    escalation: Escalation = Escalation()
    dry_run: DryRun = DryRun()
    strikes: Strikes = Strikes()
    self_release: Flag = False

    def contradictions(self) -> Iterator[Contradiction]:
        if self.notice is not None and self.directory is None:
            yield Contradiction(
                "`notice` needs a `directory`: who is to be told, and where?", (("notice",), ("directory",))
            )
        names = [hook.name for hook in self.hooks]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Contradiction(f"{names.count(name)} hooks have the name '{name}'", (("hooks",),))
