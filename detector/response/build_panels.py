"""Builds what acts by the APIs of panels, and what ends sessions, revokes app passwords and acts on queues."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from detector.config import CommandAction, DovecotSessions, HttpAction, Section
from detector.config.panels import CpanelPanel, DovecotHttpSessions, KeycloakPanel, MailcowPanel, WildduckPanel
from detector.config.queues import PostfixQueue as PostfixSettings
from detector.ports import AppPasswordRevoker, Clock, MailQueue, PasswordProvider, SessionEnder
from detector.response.command import Command, CommandSessions
from detector.response.cpanel import Cpanel
from detector.response.dovecot import Dovecot
from detector.response.dovecot_http import DovecotHttp
from detector.response.http import Endpoint
from detector.response.keycloak import Keycloak
from detector.response.mailcow import Mailcow
from detector.response.own_ways import CommandWay, HttpWay, OwnAppPasswords, OwnQueue
from detector.response.postfix_queue import PostfixQueue
from detector.response.secret import read_secret
from detector.response.several import MailQueues, SessionEnders
from detector.response.wildduck import Wildduck

PANEL_PASSWORDS: dict[type[Section], Callable[[Any, Clock], PasswordProvider]] = {
    KeycloakPanel: lambda settings, _: Keycloak(settings, read_secret(settings.secret)),
    MailcowPanel: lambda settings, _: Mailcow(settings, read_secret(settings.secret)),
    WildduckPanel: lambda settings, _: Wildduck(settings, read_secret(settings.secret)),
    CpanelPanel: lambda settings, _: Cpanel(settings, read_secret(settings.secret)),
}
PANEL_APP_PASSWORDS: dict[type[Section], Callable[[Any, Clock], AppPasswordRevoker]] = {
    MailcowPanel: lambda settings, _: Mailcow(settings, read_secret(settings.secret)),
    WildduckPanel: lambda settings, _: Wildduck(settings, read_secret(settings.secret)),
    CommandAction: lambda settings, clock: OwnAppPasswords(CommandWay(Command(settings), clock)),
    HttpAction: lambda settings, clock: OwnAppPasswords(
        HttpWay(Endpoint(settings, read_secret(settings.secret), clock), clock)
    ),
}
SESSIONS: dict[type[Section], Callable[[Any, Clock], SessionEnder]] = {
    DovecotSessions: lambda settings, _: Dovecot(settings),
    DovecotHttpSessions: lambda settings, _: DovecotHttp(settings, read_secret(settings.secret)),
    KeycloakPanel: lambda settings, _: Keycloak(settings, read_secret(settings.secret)),
    WildduckPanel: lambda settings, _: Wildduck(settings, read_secret(settings.secret)),
    CommandAction: lambda settings, clock: CommandSessions(Command(settings), clock),
}
"""What is built for each kind of section. All of them raise `ConfigError` for secrets that cannot be read."""


def sessions(settings: Sequence[Section], clock: Clock) -> SessionEnder:
    """One, or several as one. Raises `ConfigError`."""
    enders = [SESSIONS[type(section)](section, clock) for section in settings]
    return enders[0] if len(enders) == 1 else SessionEnders(enders)


def queues(settings: Sequence[PostfixSettings | CommandAction], notes: Path, clock: Clock) -> MailQueue:
    """One, or several as one. `notes` is the directory for what must be remembered about queues."""
    built = [_queue(section, notes, clock) for section in settings]
    return built[0] if len(built) == 1 else MailQueues(built)


def _queue(settings: PostfixSettings | CommandAction, notes: Path, clock: Clock) -> MailQueue:
    if isinstance(settings, CommandAction):
        return OwnQueue(CommandWay(Command(settings), clock))
    # A queue is known by how it is changed: in another order, it is still the same.
    name = hashlib.sha256("\0".join(settings.postsuper).encode()).hexdigest()[:16]
    return PostfixQueue(settings, notes / name)
