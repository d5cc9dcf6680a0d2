"""Hosting panels and account servers that set passwords, revoke app passwords or end sessions over their HTTP API."""

from typing import Annotated, Literal

from detector.config.actions import Url
from detector.config.values import AbsolutePath, Seconds, SecretSource, Section, shaped

WORD = r"[^\s/?#:]+"


class Panel(Section):
    """What all of them need: where the API is, and the secret that opens it."""

    url: Url
    secret: SecretSource
    timeout: Seconds = 10.0
    ca_file: AbsolutePath | None = None


class KeycloakPanel(Panel):
    """Keycloak's Admin REST API, by a client with a service account; `secret` is the client's."""

    provider: Literal["keycloak"]
    realm: Annotated[str, shaped(WORD, "the name of a realm")]
    client_id: Annotated[str, shaped(r"\S+", "the ID of a client")]


class MailcowPanel(Panel):
    """mailcow's API; `secret` is an API key that may write."""

    provider: Literal["mailcow"]


class WildduckPanel(Panel):
    """WildDuck's API; `secret` is an access token."""

    provider: Literal["wildduck"]


class CpanelPanel(Panel):
    """cPanel by WHM (port 2087); `secret` is an API token of `user`, who is root or a reseller."""

    provider: Literal["cpanel"]
    user: Annotated[str, shaped(WORD, "the name of a user of WHM")] = "root"


class DovecotHttpSessions(Panel):
    """Dovecot's doveadm HTTP API; `secret` is the value of `doveadm_api_key`."""

    provider: Literal["dovecot-http"]
