"""Takes out of a text who it is about: accounts, addresses, hosts and secrets become short names that mean nothing.

The same account has the same name in every text that is redacted with the same key, so that a story can be followed;
without the key nobody can try whether it is a certain account.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

DIGITS = 8
"""Hexadecimal digits of a name: few enough to read, and with a hundred thousand accounts hardly two share one."""

LEAST_SECRET = 6
"""Characters; a shorter secret would blank words everywhere."""

ADDRESS = re.compile(r"(?:\"[^\"\n]*\"|[^\s<>\",;:()\[\]]+)@(?:\[[^\]\s]+\]|[^\s<>\"'`=,;:()\[\]{}|]+)")
"""More than RFC 5321 allows, on both sides: what stands before the @ may be quoted, and hold an address itself."""

NAMED = re.compile(r"\b((?:account|sasl_username|user|login|actor)=)[<\"']?([^\s,;>\"']+)")
CALLED = re.compile(r"\bhelo=<?[^\s,>]+|[\w-]+(?:\.[\w-]+)+(?=\[[0-9A-Fa-f.:]+\])")
"""Names of hosts that a log of Postfix tells: what a client says of itself, and what stands before an address."""

IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?![\w])")
WORD = re.compile(r"[^\s<>\"'`=,;:()\[\]{}|/]+")
WHO = frozenset({"account", "accounts", "actor", "login"})
"""Fields of log lines that name somebody, whatever they hold."""


@dataclass(frozen=True, slots=True)
class Redactor:
    """`accounts` and `hosts` are words in lower case; a host stands for all names below it too."""

    key: bytes
    accounts: Collection[str] = frozenset()
    hosts: Collection[str] = frozenset()
    secrets: Collection[str] = field(default=frozenset(), repr=False)
    phrases: Collection[str] = frozenset()
    """Accounts that are no single word."""

    def text(self, text: str) -> str:
        for secret in self.secrets:
            if len(secret) >= LEAST_SECRET:
                text = text.replace(secret, "[secret]")
        for phrase in self.phrases:
            text = re.sub(re.escape(phrase), self._name("account", phrase), text, flags=re.IGNORECASE)
        text = NAMED.sub(lambda found: found[1] + self._name("account", found[2]), text)
        text = ADDRESS.sub(lambda found: self._name("address", found[0]), text)
        text = CALLED.sub(lambda found: self._name("host", found[0]), text)
        text = IPV4.sub(lambda found: self._network(found[0]), text)
        text = IPV6.sub(lambda found: self._network(found[0]), text)
        return WORD.sub(lambda found: self._word(found[0]), text)

    def value(self, value: object, who: bool = False) -> object:
        """Every text within lists and objects of JSON; `who`: whatever it holds is a name."""
        if isinstance(value, str):
            return self._name("account", value) if who and value else self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.value(one, name in WHO) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one, who) for one in value]
        return value

    def line(self, line: str) -> str:
        """A line of a log: an object of JSON field by field, anything else as text."""
        try:
            found = json.loads(line)
        except ValueError:
            return self.text(line)
        return json.dumps(self.value(found)) if isinstance(found, dict) else self.text(line)

    def _word(self, word: str) -> str:
        bare = word.rstrip(".").lower()
        if bare in self.accounts:
            return self._name("account", bare)
        labels = bare.split(".")
        if bare in self.hosts:
            return self._name("host", bare)
        for end in range(len(labels), 1, -1):  # a name of a file may begin with that of a host
            if any(".".join(labels[begin:end]) in self.hosts for begin in range(end)):
                return self._name("host", ".".join(labels[:end])) + word[len(".".join(labels[:end])) :]
        return word

    def _network(self, text: str) -> str:
        try:
            address = ip_address(text)
        except ValueError:
            return text  # a time, or a version
        return text if address.is_loopback or address.is_unspecified else self._name("ip", address.compressed)

    def _name(self, kind: str, text: str) -> str:
        mac = hmac.new(self.key, f"{kind}\0{text.lower()}".encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"{kind}-{mac.hexdigest()[:DIGITS]}"
