"""Builds from the configuration how people are told: notices for customers, hooks for operators."""

from dataclasses import dataclass

from detector.config import (
    AppriseChannel,
    CommandAction,
    ConfigError,
    HookSettings,
    HttpAction,
    LetterChannel,
    NextHop,
    NoticeSettings,
    SmtpChannel,
)
from detector.ports import Clock, CustomerDirectory, Hook, Notifier
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
        return Target(self._hook(settings.name, settings.action), settings.redaction)

    def _channel(self, settings: NoticeSettings, channel: SmtpChannel | AppriseChannel | LetterChannel) -> Notifier:
        if isinstance(channel, SmtpChannel):
            return SmtpNotifier(settings, self.next_hop, self.hostname, self.clock)
        if isinstance(channel, AppriseChannel):
            return AppriseNotifier(read_secret(channel.url))
        return Letter(channel, read_letter(settings.templates), self.clock)

    def _hook(self, name: str, action: CommandAction | HttpAction) -> Hook:
        if isinstance(action, CommandAction):
            return CommandHook(name, Command(action))
        return HttpHook(name, Endpoint(action, read_secret(action.secret), self.clock))
