"""Questions to an LDAP server by OpenLDAP's own programs, without a secret on a command line or on a disk."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from detector.config import ConfigError, LdapServer
from detector.mail.address import Address
from detector.ports import Refused, Secret, Temporary
from detector.response.command import ENVIRONMENT, PATH

NO_ATTRIBUTES = "1.1"  # RFC 4511 section 4.5.1.8
ONE_TOO_MANY = 2
SIZE_LIMIT_EXCEEDED = 4
TRY_AGAIN = {3, 51, 52, 80}
"""RFC 4511 appendix A: timeLimitExceeded, busy, unavailable, other. Negative codes are those of the library, which
could not reach the server (ldap_error(3))."""

NOT_REACHED = {-1, -11}  # LDAP_SERVER_DOWN, LDAP_CONNECT_ERROR: the library does not tell a bad certificate apart
RESULT = re.compile(r"^(?:Result: |ldap_\w+(?:\(\w+\))?: )?(?P<words>[^\n]*) \((?P<code>-?\d+)\)$", re.MULTILINE)
DETAIL = re.compile(r"^\s*additional info: (?P<words>[^\n]*)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was found. `values`: those of each attribute, by its name in small letters."""

    name: str
    values: Mapping[str, tuple[str, ...]]


class LdapTools:
    """ldapsearch, ldapmodify and ldappasswd, each a process that binds, asks and ends.

    Secrets go through files in memory that only the started program has open. The environment overrules what this
    host's ldap.conf says about certificates: the server's is always demanded and looked at (ldap.conf(5)).
    """

    def __init__(self, settings: LdapServer, password: Secret) -> None:
        self._settings = settings
        self._password = password
        self._environment = {**ENVIRONMENT, "HOME": "/nonexistent", "LDAPTLS_REQCERT": "demand"}
        if settings.ca_file is not None:
            self._environment["LDAPTLS_CACERT"] = str(settings.ca_file)
        self._bind = ["-x", "-H", settings.url, "-D", settings.bind_dn, *(["-ZZ"] if settings.starttls else [])]

    def find(self, account: str, attributes: Sequence[str] = (NO_ATTRIBUTES,)) -> Entry | None:
        """The account's entry. Raises `Refused` when there are several, and as `run` does."""
        entries = self._search(self._settings.base, "sub", filter_for(self._settings.filter, account), attributes)
        if len(entries) > 1:
            msg = f"{self._settings.base} has more than one entry for {account}"
            raise Refused(msg)
        return entries[0] if entries else None

    def find_one(self, account: str) -> Entry:
        """Raises `Refused` when there is none or more than one, and as `run` does."""
        entry = self.find(account)
        if entry is None:
            msg = f"{self._settings.base} has no such account: {account}"
            raise Refused(msg)
        return entry

    def run(self, program: str, *arguments: str, text: str = "", new: Secret | None = None) -> str:
        """What the program wrote. `text` is its standard input; `new` becomes the argument of `-T`.

        Raises `Refused` when the server's answer is final and `Temporary` when it may be another one later.
        """
        code, output, words = self._run(program, arguments, text, new)
        if code == 0:
            return output
        raise self._failure(program, code, words)

    def check(self, program: str, extension: str = "") -> str:
        """Bind, look at the base, ask for nobody, and whether the server knows the extension. Raises `ConfigError`."""
        settings = self._settings
        for name in ("ldapsearch", program):
            if shutil.which(name, path=PATH) is None:
                msg = f"{name} is not installed; on Debian it is in the package ldap-utils"
                raise ConfigError(msg)
        try:
            root = self._search("", "base", "(objectClass=*)", ("supportedExtension",))
            base = self._search(settings.base, "base", "(objectClass=*)", (NO_ATTRIBUTES,))
            self.find("nobody@invalid")
        except (Temporary, Refused) as error:
            msg = f"{settings.url} cannot be used: {error}"
            raise ConfigError(msg) from error
        if not base:
            msg = f"{settings.url}: {settings.bind_dn} cannot see {settings.base}"
            raise ConfigError(msg)
        if extension and not any(extension in entry.values.get("supportedextension", ()) for entry in root):
            msg = f"{settings.url} does not change passwords by RFC 3062"
            raise ConfigError(msg)
        return f"{settings.url}: {settings.bind_dn} can look for accounts in {settings.base}"

    def _search(self, base: str, scope: str, condition: str, attributes: Sequence[str]) -> list[Entry]:
        arguments = ["-LLL", "-b", base, "-s", scope, "-z", str(ONE_TOO_MANY), "--", condition, *attributes]
        code, output, words = self._run("ldapsearch", arguments)
        if code not in {0, SIZE_LIMIT_EXCEEDED}:
            raise self._failure(f"ldapsearch in '{base}'", code, words)
        return list(_entries(output))

    def _run(
        self, program: str, arguments: Sequence[str], text: str = "", new: Secret | None = None
    ) -> tuple[int, str, str]:
        """The result code of RFC 4511, the output, and what the program said about it."""
        with ExitStack() as stack:
            secret = stack.enter_context(_in_memory(self._password))
            files = [secret]
            argv = [program, *self._bind, "-y", f"/dev/fd/{secret}"]
            if new is not None:
                files.append(stack.enter_context(_in_memory(new)))
                argv += ["-T", f"/dev/fd/{files[1]}"]
            try:
                done = subprocess.run(
                    [*argv, *arguments],
                    input=text.encode(),
                    capture_output=True,
                    timeout=self._settings.timeout,
                    cwd="/",
                    env=self._environment,
                    pass_fds=files,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                reason = "took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
                msg = f"{program} at {self._settings.url}: {reason}"
                raise Temporary(msg) from None
        return _result(done)

    def _failure(self, what: str, code: int, words: str) -> Temporary | Refused:
        if code in NOT_REACHED and self._settings.encrypted:
            words += " or its certificate is not for this name or not signed by one of `ca_file`"
        return (Temporary if code < 0 or code in TRY_AGAIN else Refused)(f"{what}: {words} ({code})")


def filter_for(pattern: str, account: str) -> str:
    r"""The filter with the account in it, whose own characters cannot change its meaning (RFC 4515 section 3).

    >>> print(filter_for("(mail={account})", "a*)(uid=b"))
    (mail=a\2a\29\28uid=b)
    """
    address = Address.parse(account)
    values = {"account": account, "local_part": address.local_part, "domain": address.domain}
    return re.sub(r"\{(account|local_part|domain)\}", lambda found: _escaped(values[found[1]]), pattern)


def encoded(text: str | bytes) -> str:
    """As a value stands behind `::` in LDIF (RFC 2849)."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _escaped(value: str) -> str:
    return re.sub(r"[\\*()\0]", lambda found: f"\\{ord(found[0]):02x}", value)


@contextmanager
def _in_memory(secret: Secret) -> Iterator[int]:
    """A file that has no name and is never on a disk; the tools complain when others might read it."""
    descriptor = os.memfd_create("secret")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, secret.text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _result(done: subprocess.CompletedProcess[bytes]) -> tuple[int, str, str]:
    """The code is in words where ldappasswd ends with 1 whatever happened; a killed program has none."""
    output, complaints = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    if done.returncode <= 0:
        return done.returncode, output, f"was killed by signal {-done.returncode}" if done.returncode else ""
    found = RESULT.search(complaints) or RESULT.search(output)
    detail = DETAIL.search(complaints) or DETAIL.search(output)
    words = found["words"] if found else complaints.strip().partition("\n")[0]
    if detail:
        words += f": {detail['words']}"
    return int(found["code"]) if found else done.returncode, output, words[:200]


def _entries(ldif: str) -> Iterator[Entry]:
    """RFC 2849, as far as ldapsearch writes it: folded lines, comments, and values in base64."""
    for block in ldif.replace("\n ", "").split("\n\n"):
        values: dict[str, tuple[str, ...]] = {}
        for line in block.splitlines():
            name, separator, value = line.partition(":")
            if not separator or line.startswith("#"):
                continue
            is_encoded = value.startswith(":")
            plain = base64.b64decode(value[1:]).decode("utf-8", "replace") if is_encoded else value.removeprefix(" ")
            values[name.lower()] = (*values.get(name.lower(), ()), plain)
        if "dn" in values:
            yield Entry(values.pop("dn")[0], values)
