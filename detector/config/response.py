"""What is done about an incident: passwords, sessions, the customer, the operators."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from detector.config.actions import Argv, CommandAction, HttpAction
from detector.config.database import DatabaseUrl
from detector.config.errors import Contradiction
from detector.config.ldap import ActiveDirectoryPassword, LdapDirectory, LdapPassword
from detector.config.people import CsvDirectory, NoticeSettings
from detector.config.sql import SqlAppPasswords, SqlDirectory, SqlPassword
from detector.config.values import AbsolutePath, Count, Flag, Seconds, Section, shaped
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


class HookSettings(Section):
    """A target that is told about events. `redaction`: what leaves the host."""

    name: Annotated[
        str, shaped(r"[a-z0-9][a-z0-9_-]{0,31}", "a name of a-z, 0-9, _ and - (up to 32), for example ticket-system")
    ]
    action: Annotated[CommandAction | HttpAction, Field(discriminator="provider")]
    redaction: Literal["none", "account", "account-and-evidence"] = "account-and-evidence"


class Strikes(Section):
    """Confirmed incidents: `limit` of them within `fade_after` seconds propose to people to end the service."""

    limit: Count = 3
    fade_after: Seconds = 31_536_000.0

    @property
    def rule(self) -> StrikeRule:
        return StrikeRule(self.limit, self.fade_after)


Passwords = PasswdFileProvider | CommandAction | HttpAction | SqlPassword | LdapPassword | ActiveDirectoryPassword
Directories = CsvDirectory | CommandAction | HttpAction | SqlDirectory | LdapDirectory


class Response(Section):
    """What is done about an incident. A part that is not named is not done, and the timeline says so."""

    password: Annotated[Passwords, Field(discriminator="provider")] | None = None
    sessions: Annotated[DovecotSessions | CommandAction, Field(discriminator="provider")] | None = None
    app_passwords: SqlAppPasswords | None = None
    queue: None = None
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
