"""Sources of identity: which account is answerable for a transaction, and whether that may be believed."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from detector.config.values import Flag, Network, Section, not_empty, shaped


class PolicyServiceIdentity(Section):
    """The login that Postfix told the policy service, joined by queue id or by client address and port."""

    source: Literal["policy-service"]
    trusted: Flag = True


class XclientIdentity(Section):
    """XCLIENT LOGIN from a client in `relay.xclient_clients`."""

    source: Literal["xclient"]
    trusted: Flag = True


class HeaderIdentity(Section):
    """A header above the first Received. `pattern` has one group: the account. All copies are removed on exit."""

    source: Literal["header"]
    name: Annotated[str, shaped(r"[!-9;-~]+", "the name of a header, for example X-AuthUser")]  # RFC 5322 section 3.6.8
    pattern: str = r"^(.+)$"
    strip: Flag = True
    trusted: Flag = False

    @field_validator("pattern")
    @classmethod
    def one_group(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            msg = f"not a regular expression: {error}"
            raise ValueError(msg) from error
        if groups != 1:
            msg = f"must have exactly one group, the account; it has {groups}"
            raise ValueError(msg)
        return value


class AuthParameterIdentity(Section):
    """The AUTH= parameter of MAIL, believed only from servers that set it themselves (Postfix does not)."""

    source: Literal["auth-parameter"]
    honest_clients: Annotated[tuple[Network, ...], AfterValidator(not_empty)]
    trusted: Flag = False


class EnvelopeIdentity(Section):
    """The reverse-path. A thief can choose it: never trusted."""

    source: Literal["envelope-sender"]


Identities = Annotated[
    PolicyServiceIdentity | XclientIdentity | HeaderIdentity | AuthParameterIdentity | EnvelopeIdentity,
    Field(discriminator="source"),
]
