"""How people are told: the customer by a notice, the operators by hooks."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detector.config.actions import CommandAction, HttpAction, Url
from detector.config.values import AbsolutePath, Count, Seconds, SecretSource, Section, not_empty, shaped

LANGUAGE = shaped(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "a language tag, for example en or pt-BR")


class CsvDirectory(Section):
    """A CSV file. Header line: account, and of address, name, language, telephone, postal_address what there is."""

    provider: Literal["csv"]
    path: AbsolutePath


class SmtpChannel(Section):
    """E-mail to the contact address, through the next hop with a null reverse-path."""

    provider: Literal["smtp"]


class AppriseChannel(Section):
    """Any service that Apprise knows, for example a gateway of short messages.

    Its URL is a secret, because such URLs carry credentials; it has `{telephone}` or `{address}` where the customer's
    belongs, percent-encoded. With `{telephone}` the short text is sent.
    """

    provider: Literal["apprise"]
    url: SecretSource


class LetterChannel(Section):
    """A file to print and post: HTML, for an envelope with a window."""

    provider: Literal["letter"]
    directory: AbsolutePath
    return_address: str = ""


Channel = Annotated[SmtpChannel | AppriseChannel | LetterChannel, Field(discriminator="provider")]


class NoticeSettings(Section):
    """What a customer is told, and by which channels: the first that can reach the customer."""

    sender: Annotated[str, shaped(r"[^@\s<>]+@[^@\s<>]+", "an address, for example abuse@example.net")]
    sender_name: str = "Abuse desk"
    templates: AbsolutePath | None = None
    language: Annotated[str, LANGUAGE] = "en"
    contact: str = ""
    per_account_per_month: Count = 3
    channels: Annotated[tuple[Channel, ...], AfterValidator(not_empty)] = (SmtpChannel(provider="smtp"),)


class AppriseAction(Section):
    """Any service that Apprise knows. The URL is a secret, because such URLs carry credentials."""

    provider: Literal["apprise"]
    url: SecretSource


class AlertmanagerAction(Section):
    """An Alertmanager of Prometheus, by its API version 2; `token` for one behind a proxy that asks for it."""

    provider: Literal["alertmanager"]
    url: Url
    token: SecretSource | None = None
    timeout: Seconds = 10.0
    ca_file: AbsolutePath | None = None


HookAction = CommandAction | HttpAction | AppriseAction | AlertmanagerAction


class HookSettings(Section):
    """A target that is told about events. `redaction`: what leaves the host.

    `group_wait`: after an event, those of further incidents are gathered for so many seconds and told as one summary; 0
    tells each by itself. An Alertmanager groups by itself, and hears each.
    """

    name: Annotated[
        str, shaped(r"[a-z0-9][a-z0-9_-]{0,31}", "a name of a-z, 0-9, _ and - (up to 32), for example ticket-system")
    ]
    action: Annotated[HookAction, Field(discriminator="provider")]
    redaction: Literal["none", "account", "account-and-evidence"] = "account-and-evidence"
    group_wait: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 60.0
