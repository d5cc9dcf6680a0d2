"""What a Postfix is set to, as far as it matters for a hop behind or inside it; read, never written."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from detector.cli.ends import Impossible

POSTCONF = "/usr/sbin/postconf"
OLDEST = (3, 0)
"""The first version that knows `default_action` of one policy service: without it mail waits while the hop is down."""

STRANGERS = r"(.*:)?(smtp|25)/inet|.*/pass"
"""Where mail of strangers comes in: port 25, also behind postscreen(8), which passes connections on."""

NESTED = 5
"""So often `$name` may stand for another `$name`."""


@dataclass(frozen=True, slots=True)
class PostfixHost:
    """One instance; `is_other` than the one that Postfix's programs mean by themselves.

    `main` is main.cf; `services` are the lines of master.cf by "name/type", `options` their -o.

    Values are raw: `$name` stays as it is written.
    """

    directory: Path
    is_other: bool
    version: str
    main: Mapping[str, str]
    services: Mapping[str, str]
    options: Mapping[tuple[str, str], str]

    def value(self, name: str, service: str = "") -> str:
        """What `service`, or else main.cf, sets it to; empty where neither does."""
        return self.options.get((service, name), self.main.get(name, ""))

    def meant(self, name: str, service: str = "") -> str:
        """The same with `$name` of main.cf filled in; what is set nowhere stays as it is written."""
        value = self.value(name, service)
        for _ in range(NESTED):
            value = re.sub(r"\$(?:(\w+)|\{(\w+)\}|\((\w+)\))", self._filled_in, value)
        return value

    @property
    def login_services(self) -> tuple[str, ...]:
        """Where a customer can log in."""
        return tuple(name for name in self._smtp_servers() if self.meant("smtpd_sasl_auth_enable", name) == "yes")

    @property
    def submission_services(self) -> tuple[str, ...]:
        """The same without port 25, where mail of strangers comes in; but that one if customers have no other."""
        own = tuple(name for name in self.login_services if not re.fullmatch(STRANGERS, name))
        return own or self.login_services

    def listens_on(self, port: int) -> str:
        """The service of master.cf that has this port, or nothing."""
        return next((name for name in self.services if re.fullmatch(rf"(.*:)?{port}/inet", name)), "")

    def _smtp_servers(self) -> Iterator[str]:
        for name, line in self.services.items():
            if name.endswith(("/inet", "/pass")) and line.split()[7] == "smtpd":
                yield name

    def _filled_in(self, match: re.Match[str]) -> str:
        return self.main.get(match[match.lastindex or 0], match[0])


def read_host(directory: Path | None) -> PostfixHost:
    """Ask postconf(1). Raises `Impossible` where there is none, or none that can be asked, or a very old one."""
    postconf = shutil.which("postconf") or POSTCONF
    words = [postconf] if directory is None else [postconf, "-c", str(directory)]
    about = _settings(_printed([*words, "mail_version", "config_directory"]))
    found = [int(number) for number in re.findall(r"\d+", about.get("mail_version", ""))]
    if tuple(found[:2]) < OLDEST:
        msg = f"Postfix {about.get('mail_version')} is older than 3.0 (2015): these lines would not work there"
        raise Impossible(msg)
    return PostfixHost(
        directory=directory or Path(about["config_directory"]),
        is_other=directory is not None,
        version=about["mail_version"],
        main=_settings(_printed([*words, "-n"])),
        services=_services(_printed([*words, "-M"])),
        options=_options(_printed([*words, "-P"])),
    )


def _printed(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    except FileNotFoundError as error:
        msg = "no Postfix on this host: there is no `postconf`"
        raise Impossible(msg) from error
    except subprocess.CalledProcessError as error:
        msg = f"`{' '.join(words)}` says: {error.stderr.strip()}"
        raise Impossible(msg) from error
    return done.stdout


def _settings(text: str) -> dict[str, str]:
    r"""Lines of main.cf.

    >>> _settings("biff = no\nrelayhost =\n")
    {'biff': 'no', 'relayhost': ''}
    """
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _services(text: str) -> dict[str, str]:
    r"""Lines of `postconf -M`, without the arguments of their programs.

    >>> _services("smtp  inet n - y - - smtpd -o content_filter=\npickup unix n - y 60 1 pickup\n")
    {'smtp/inet': 'smtp inet n - y - - smtpd', 'pickup/unix': 'pickup unix n - y 60 1 pickup'}
    """
    lines = [line.split()[:8] for line in text.splitlines()]
    return {"/".join(fields[:2]): " ".join(fields) for fields in lines}


def _options(text: str) -> dict[tuple[str, str], str]:
    r"""Lines of `postconf -P`.

    >>> _options("submission/inet/smtpd_sasl_auth_enable = yes\n")
    {('submission/inet', 'smtpd_sasl_auth_enable'): 'yes'}
    """
    found = {}
    for place, value in _settings(text).items():
        service, _, name = place.rpartition("/")
        found[service, name] = value
    return found
