"""LDAP directories that other programs own: customers' passwords and addresses."""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

from detector.config.errors import Contradiction
from detector.config.values import AbsolutePath, Flag, Seconds, SecretSource, Section, is_this_host, shaped


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = unquote(parts.netloc)
        _ = parts.port
    except ValueError as error:
        msg = f"not a URL: {error}"
        raise ValueError(msg) from error
    if parts.scheme not in {"ldaps", "ldap", "ldapi"} or not (host or parts.scheme == "ldapi"):
        msg = f"'{url}' is not a directory; write ldaps://host, ldap://host or ldapi://%2Fpath%2Fof%2Fsocket"
        raise ValueError(msg)
    if "@" in host or parts.path.strip("/") or parts.query or parts.fragment or any(c.isspace() for c in url):
        msg = f"'{url}' must name one server and nothing else; who we are is `bind_dn`, where to look is `base`"
        raise ValueError(msg)
    return url


def _filter(text: str) -> str:
    if "{account}" not in text and "{local_part}" not in text:
        msg = "must ask for {account} (or {local_part}), for example (mail={account}), or it would find anybody"
        raise ValueError(msg)
    if not (text.startswith("(") and text.endswith(")") and text.count("(") == text.count(")")):
        msg = f"'{text}' is not a filter in parentheses, for example (mail={{account}})"
        raise ValueError(msg)
    return text


DistinguishedName = Annotated[str, shaped(r"[\w.;-]+\s*=.+", "a distinguished name, for example dc=example,dc=net")]
Filter = Annotated[str, AfterValidator(_filter)]
Attribute = Annotated[str, shaped(r"([A-Za-z][\w.;-]*)?", "the name of an attribute")]


class LdapServer(Section):
    """Where it is, who we are there, and where entries are looked for. `timeout` is for each question."""

    url: Annotated[str, AfterValidator(_url)]
    starttls: Flag = False
    ca_file: AbsolutePath | None = None
    bind_dn: DistinguishedName
    password: SecretSource
    base: DistinguishedName
    filter: Filter
    timeout: Seconds = 10.0

    @property
    def encrypted(self) -> bool:
        return self.starttls or self.url.startswith("ldaps:")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.starttls and not self.url.startswith("ldap:"):
            yield Contradiction("only ldap:// begins unencrypted and needs `starttls`", (("starttls",), ("url",)))
        here = self.url.startswith("ldapi:") or is_this_host(urlsplit(self.url).hostname or "")
        if not self.encrypted and not here:
            text = "plain ldap:// is allowed to this host only; use ldaps:// or starttls = true"
            yield Contradiction(text, (("url",), ("starttls",)))


class LdapPassword(LdapServer):
    """The password modify operation of RFC 3062: the directory hashes by its own rules."""

    provider: Literal["ldap"]
    filter: Filter = "(&(objectClass=inetOrgPerson)(mail={account}))"


class ActiveDirectoryPassword(LdapServer):
    """A new value of `unicodePwd` (MS-ADTS section 3.1.1.3.1.5), which Windows takes over TLS only."""

    provider: Literal["active-directory"]
    filter: Filter = "(userPrincipalName={account})"

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if self.url.startswith("ldapi:") or (not self.encrypted and is_this_host(urlsplit(self.url).hostname or "")):
            text = "Active Directory takes passwords over TLS only; use ldaps:// or starttls = true"
            yield Contradiction(text, (("url",), ("starttls",)))


class Attributes(Section):
    """Which attribute of an entry says what about the customer; what is empty is not asked for."""

    address: Attribute = "mail"
    name: Attribute = "cn"
    language: Attribute = "preferredLanguage"
    telephone: Attribute = "mobile"
    postal_address: Attribute = "postalAddress"


class LdapDirectory(LdapServer):
    """Entries of customers."""

    provider: Literal["ldap"]
    filter: Filter = "(&(objectClass=inetOrgPerson)(mail={account}))"
    attributes: Attributes = Attributes()
