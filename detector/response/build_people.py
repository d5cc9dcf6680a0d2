"""Builds from the configuration how people are told: notices for customers, hooks for operators."""

from dataclasses import dataclass

from detector.config import (
    AlertmanagerAction,
    AppriseAction,
    AppriseChannel,
    CommandAction,
    ConfigError,
    HookAction,
    HookSettings,
    LetterChannel,
    NextHop,
    NoticeSettings,
    SmtpChannel,
)
from detector.ports import Clock, CustomerDirectory, Hook, Notifier
from detector.response.alertmanager import AlertmanagerHook
from detector.response.apprise_hook import AppriseHook
from detector.response.apprise_service import AppriseNotifier
from detector.response.command import Command
from detector.response.hooks import CommandHook, HttpHook, Target
from detector.response.http import Endpoint
from detector.response.letter import Letter
from detector.response.notices import Notices
from detector.response.secret import read_secret
from detector.response.smtp_notifier import SmtpNotifier
from detector.response.template_files import read_letter, read_templates


@dataclass(frozen=True, slots=True)
class Builder:
    """What all of them need to know of the rest of the configuration."""

    next_hop: NextHop
    hostname: str
    clock: Clock

    def notices(self, settings: NoticeSettings, directory: CustomerDirectory | None) -> Notices:
        """Raises `ConfigError`, one line for each fault."""
        problems: list[str] = []
        channels = []
        for number, channel in enumerate(settings.channels):
            try:
                channels.append(self._channel(settings, channel))
            except ConfigError as error:
                problems += [f"response.notice.channels[{number}]: {line}" for line in str(error).splitlines()]
        try:
            templates = read_templates(settings)
        except ConfigError as error:
            raise ConfigError("\n".join([str(error), *problems])) from error
        if problems:
            raise ConfigError("\n".join(problems))
        return Notices(settings, templates, directory, channels)

    def target(self, settings: HookSettings) -> Target:
        """Raises `ConfigError`."""
        # An Alertmanager groups by itself, and could not end what it has not heard of.
        wait = 0.0 if isinstance(settings.action, AlertmanagerAction) else settings.group_wait
        return Target(self._hook(settings.name, settings.action), settings.redaction, wait)

    def _channel(self, settings: NoticeSettings, channel: SmtpChannel | AppriseChannel | LetterChannel) -> Notifier:
        if isinstance(channel, SmtpChannel):
            return SmtpNotifier(settings, self.next_hop, self.hostname, self.clock)
        if isinstance(channel, AppriseChannel):
            return AppriseNotifier(read_secret(channel.url))
        return Letter(channel, read_letter(settings.templates), self.clock)

    def _hook(self, name: str, action: HookAction) -> Hook:
        if isinstance(action, CommandAction):
            return CommandHook(name, Command(action))
        if isinstance(action, AppriseAction):
            return AppriseHook(name, read_secret(action.url))
        if isinstance(action, AlertmanagerAction):
            return AlertmanagerHook(name, action, None if action.token is None else read_secret(action.token))
        return HttpHook(name, Endpoint(action, read_secret(action.secret), self.clock))
