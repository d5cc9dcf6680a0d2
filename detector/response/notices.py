"""Tells a customer: where can they be reached, in which language, by which channel, and how often already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detector.config import ConfigError, NoticeSettings
from detector.incident.notice import Facts, Kind
from detector.incident.templates import Templates
from detector.ports import CustomerDirectory, Notifier, Refused
from detector.response.contact import ways, without_hijacked_ways

MONTH = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Notices:
    """The words of the notice, and the channels in order of preference."""

    settings: NoticeSettings
    templates: Templates
    directory: CustomerDirectory | None
    channels: Sequence[Notifier]

    def too_many(self, lately: int) -> str:
        """Why there is no further notice after so many to the account within `MONTH`; empty while there may be one."""
        if lately < self.settings.per_account_per_month:
            return ""
        return f"the customer had {lately} notices within 30 days, and none of them helped: call instead"

    def send(self, kind: Kind, facts: Facts, request_id: str) -> str:
        """Tell the customer by the first channel that can reach them; the word for the timeline.

        Of the facts, what the directory and the settings know is put in here. A channel that refuses is followed by
        the next one. Raises `Temporary` when a channel or the directory asks to try again, `Refused` when nobody can
        tell the customer.
        """
        contact = None if self.directory is None else self.directory.contact(facts.incident.account)
        if contact is None:
            msg = "the customer directory does not know the account"
            raise Refused(msg)
        contact = without_hijacked_ways(contact)
        if not ways(contact):
            msg = "the contact address is the hijacked mailbox itself: the thief would read the notice"
            raise Refused(msg)
        all_facts = replace(facts, name=contact.name, sender=self.settings.sender_name, contact=self.settings.contact)
        notice = self.templates.render(kind, contact.language, all_facts)
        problems = []
        for channel in self.channels:
            if channel.reaches(contact):
                try:
                    return channel.send(notice, contact, request_id)
                except Refused as error:
                    problems.append(str(error))
        known = " and ".join(ways(contact))
        raise Refused("; ".join(problems) or f"no channel reaches a customer of whom only {known} is known")

    @property
    def parts(self) -> Sequence[Templates | Notifier]:
        """What can be checked: the words, and each channel."""
        return [self.templates, *self.channels]

    def check(self) -> str:
        """Try every channel without telling anybody. Raises `ConfigError` with one line for each fault."""
        found, problems = [], []
        for part in self.parts:
            try:
                found.append(part.check())
            except ConfigError as error:
                problems += str(error).splitlines()
        if problems:
            raise ConfigError("\n".join(problems))
        return "; ".join(found)
