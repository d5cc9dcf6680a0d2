"""Which account is answerable for a transaction: the configured sources, asked in their order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detector import config
from detector.config import Config, Network
from detector.mail.headers import value_above_first_received
from detector.mail.login import PolicyRequest
from detector.mail.transaction import UNKNOWN, Identity
from detector.ports import IdentitySource, LoginJoin, SessionFacts, Temporary
from detector.relay.hosts import allowed, canonical, same_host_key

ACCOUNT_LENGTH = 320  # octets; RFC 5321 section 4.5.3.1: 64 + "@" + 255
HEADER_VALUE_LENGTH = 1000  # the operator's pattern never sees more


async def identify(sources: Sequence[IdentitySource], facts: SessionFacts) -> Identity:
    """The answer of the first source that has one, or `UNKNOWN`.

    Before DATA a source that may still learn it stops the search with `UNKNOWN`: those below must not answer in its
    place. So where `needs_header` holds, an unknown identity is asked for again when the header is there.
    """
    for source in sources:
        identity = await source.identify(facts)
        if identity is not None:
            return identity
    return UNKNOWN


def needs_header(settings: Config) -> bool:
    """Whether an identity that is unknown at MAIL may become known with the header."""
    late = (
        (config.HeaderIdentity, config.PolicyServiceIdentity)
        if settings.mode == "before-queue"
        else config.HeaderIdentity
    )
    return any(isinstance(source, late) for source in settings.identity)


def headers_to_strip(settings: Config) -> frozenset[str]:
    """The lower-case names of the header fields that must not leave with the mail."""
    return frozenset(
        source.name.lower()
        for source in settings.identity
        if isinstance(source, config.HeaderIdentity) and source.strip
    )


def build_sources(settings: Config, join: LoginJoin) -> tuple[IdentitySource, ...]:
    """The sources that the configuration names, in its order."""
    return tuple(_build(source, join, settings) for source in settings.identity)


def _build(source: config.Identities, join: LoginJoin, settings: Config) -> IdentitySource:
    match source:
        case config.PolicyServiceIdentity():
            late = settings.mode == "before-queue"
            return JoinedLogin(join, source.trusted, late, settings.when_broken == "defer")
        case config.XclientIdentity():
            return XclientLogin(source.trusted)
        case config.HeaderIdentity():
            return HeaderAccount(source.name, re.compile(source.pattern), source.trusted)
        case config.AuthParameterIdentity():
            return AuthParameter(source.honest_clients, source.trusted)
        case config.EnvelopeIdentity():
            return EnvelopeSender()


@dataclass(frozen=True, slots=True)
class JoinedLogin:
    """The login that Postfix told the policy service about this very message.

    After the queue the message is known by its queue id at the connected host. Postfix uses short queue ids again
    (same inode, same microsecond); a message that was never told to the policy service would then be taken for the
    earlier one's: set `enable_long_queue_ids = yes`. The sender is not compared, Postfix may have rewritten it since.

    Before the queue there is no queue id: the message is known by the address and port of the customer's connection,
    which carries several messages and whose port is used again. There the sender must agree.

    With `late` the login may come after MAIL: without `speed_adjust` Postfix opens the transaction with us first and
    asks its end-of-data restrictions last. Then nobody below may answer before the header is there.

    With `strict` no answer is `Temporary` where somebody may have one whom we cannot ask now: a block would not hold.
    """

    join: LoginJoin
    trusted: bool
    late: bool = False
    strict: bool = False

    async def identify(self, facts: SessionFacts) -> Identity | None:
        early = self.late and not facts.header
        request = await self._request(facts, self.strict and not early and not self.join.whole)
        if request is not None:
            return _identity(request.sasl_username, "policy-service", self.trusted)
        return UNKNOWN if early else None

    async def _request(self, facts: SessionFacts, strict: bool) -> PolicyRequest | None:
        host, queue_id = same_host_key(facts.peer), facts.xforward.get("IDENT", "")
        address, port = facts.xforward.get("ADDR", ""), facts.xforward.get("PORT", "")
        if queue_id:
            request = await self.join.by_queue_id(host, queue_id)
        elif address and port:
            request = await self.join.by_client(host, canonical(address), port)
        else:
            return None
        if request is None and strict:
            msg = "its login is out of reach"
            raise Temporary(msg)
        if request is None or queue_id or _bare(request.sender) == _bare(facts.mail_from):
            return request
        return None


@dataclass(frozen=True, slots=True)
class XclientLogin:
    """XCLIENT LOGIN; the relay takes XCLIENT only from the clients listed for it."""

    trusted: bool

    async def identify(self, facts: SessionFacts) -> Identity | None:
        return _identity(facts.xclient.get("LOGIN", ""), "xclient", self.trusted)


@dataclass(frozen=True, slots=True)
class HeaderAccount:
    """A header field above the first Received: the submission server wrote it after the customer had his say.

    The topmost copy that matches counts. A longer value than `HEADER_VALUE_LENGTH` is passed over, not cut: the cut
    could name another account.
    """

    name: str
    pattern: re.Pattern[str]
    trusted: bool

    async def identify(self, facts: SessionFacts) -> Identity | None:
        if not facts.header:
            return UNKNOWN  # not yet, and nobody below may answer
        for value in value_above_first_received(facts.header, self.name):
            match = self.pattern.search(value) if len(value) <= HEADER_VALUE_LENGTH else None
            identity = _identity(match[1] or "", "header", self.trusted) if match else None
            if identity is not None:
                return identity
        return None


@dataclass(frozen=True, slots=True)
class AuthParameter:
    """MAIL FROM AUTH= (RFC 4954 section 5), from servers that set it themselves.

    Postfix passes on what the customer wrote, so it must not be listed.
    """

    honest_clients: tuple[Network, ...]
    trusted: bool

    async def identify(self, facts: SessionFacts) -> Identity | None:
        if facts.auth_parameter in {"", "<>"} or not allowed(facts.peer, self.honest_clients):
            return None
        return _identity(facts.auth_parameter, "auth-parameter", self.trusted)


@dataclass(frozen=True, slots=True)
class EnvelopeSender:
    """The reverse-path: a thief can choose it, so it is never trusted. A null reverse-path says nothing."""

    async def identify(self, facts: SessionFacts) -> Identity | None:
        return _identity(facts.mail_from, "envelope-sender", trusted=False)


def _identity(account: str, source: str, trusted: bool) -> Identity | None:
    """An identity in lower case, or None if the account is no name: empty, too long, or not printable.

    What cannot be printed would forge lines in logs, and cannot be kept as text in records.
    """
    account = account.strip(" \t").lower()
    if not account or not account.isprintable() or len(account.encode()) > ACCOUNT_LENGTH:
        return None
    return Identity(account, source, trusted)


def _bare(sender: str) -> str:
    # Postfix tells the policy service the address without quoting ("ann smith"@ becomes ann smith@).
    return re.sub(r'["\\]', "", sender).lower()
