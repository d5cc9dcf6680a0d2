"""Debian's packages with the real servers that tests talk to: are they here, and how do they come here.

    python -m tests.support.packages           installs what is missing (as root, with apt-get)
    python -m tests.support.packages rspamd    of these

Nothing that it installs is started, and no package is ever removed for it. What cannot stand beside others is unpacked.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROVES = {
    "postfix": Path("/usr/sbin/postfix"),
    "dovecot-core": Path("/usr/sbin/dovecot"),
    "dovecot-imapd": Path("/usr/lib/dovecot/imap"),
    "dovecot-pgsql": Path("/usr/lib/dovecot/modules/auth/libdriver_pgsql.so"),
    "dovecot-ldap": Path("/usr/lib/dovecot/modules/auth/libauthdb_ldap.so"),
    "prometheus": Path("/usr/bin/promtool"),
    "prometheus-alertmanager": Path("/usr/bin/prometheus-alertmanager"),
    "postgresql": Path("/usr/bin/pg_ctlcluster"),
    "mariadb-server": Path("/usr/sbin/mariadbd"),
    "slapd": Path("/usr/sbin/slapd"),
    "ldap-utils": Path("/usr/bin/ldappasswd"),
    "redis-server": Path("/usr/bin/redis-server"),
    "systemd": Path("/usr/bin/systemd-analyze"),
    "haproxy": Path("/usr/sbin/haproxy"),
}
UNPACKED = Path(__file__).parents[2] / ".venv" / "debian"
ONLY_UNPACKED = {
    # Installed, it would push Postfix out: there is one mail server on a Debian host. Its libraries may be installed.
    "exim4-daemon-light": ("libgnutls-dane0", "libidn12", "libnsl2"),
}
PROVES |= {"exim4-daemon-light": UNPACKED / "usr" / "sbin" / "exim4"}
USERS = {"exim4-daemon-light": "Debian-exim"}
"""Whom a program asks for at each start, whoever its configuration names; the package itself would not add him."""
FOR_THE_BENCH = {"rspamd": Path("/usr/bin/rspamd")}
"""Only `make bench` asks for them."""
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = (
    "#!/bin/sh\n# Written by tests/support/packages.py while it installs packages; may be removed.\nexit 101\n"
)


def missing(*packages: str) -> list[str]:
    """Which of these packages, or of all that tests need, are not installed."""
    known = PROVES | FOR_THE_BENCH
    return [package for package in packages or PROVES if not known[package].exists() or _has_no_user(package)]


def need(*packages: str) -> None:
    """Skip the running test, loudly, where a package is missing; on the build machine that is a failure."""
    absent = missing(*packages)
    if not absent:
        return
    reason = f"not installed: {' '.join(absent)} ({_advice(absent)})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def install(*packages: str) -> int:
    """Install what is missing; the exit status. Without root or apt-get only say what is missing."""
    absent = missing(*packages)
    if not absent:
        print("all installed:", " ".join(packages or PROVES))
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"MISSING: {' '.join(absent)}. The tests that need them will be SKIPPED.", file=sys.stderr)
        print(f"To run them too: {_advice(absent)}", file=sys.stderr)
        return 0
    print("installing:", " ".join(absent), flush=True)
    whole = [package for package in absent if package not in ONLY_UNPACKED]
    whole += [library for package in absent for library in ONLY_UNPACKED.get(package, ())]
    with services_stay_down():
        status = _apt_get("update") or _apt_get("install", "--yes", "--no-install-recommends", "--no-remove", *whole)
    for package in ONLY_UNPACKED.keys() & set(absent):
        status = status or _unpack(package) or _add_user(package)
    return status or int(bool(missing(*packages)))


def _advice(absent: list[str]) -> str:
    unpacked = [package for package in absent if package in ONLY_UNPACKED]
    installed = [package for package in absent if package not in ONLY_UNPACKED]
    parts = [f"sudo apt-get install --no-install-recommends {' '.join(installed)}"] if installed else []
    return ", and ".join(parts + (["sudo make packages, which unpacks " + " ".join(unpacked)] if unpacked else []))


def _has_no_user(package: str) -> bool:
    return package in USERS and USERS[package] not in [one.pw_name for one in pwd.getpwall()]


def _add_user(package: str) -> int:
    """As Debian's own packages do it."""
    if not _has_no_user(package):
        return 0
    return _run("useradd", "--system", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", USERS[package])


def _unpack(package: str) -> int:
    """Its files below `UNPACKED`; nothing of the host knows of them."""
    with tempfile.TemporaryDirectory() as directory:
        fetched = _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package, cwd=directory)
        files = sorted(Path(directory).glob("*.deb"))
        UNPACKED.mkdir(parents=True, exist_ok=True)
        status = fetched or _run("dpkg-deb", "--extract", *map(str, files), str(UNPACKED), cwd=directory)
    if status == 0:
        PROVES[package].chmod(0o755)  # not set-user-id: tests start it as root, and nobody else shall
    return status


@contextmanager
def services_stay_down() -> Iterator[None]:
    """Debian starts a service when it is installed unless a policy says no (invoke-rc.d(8)).

    A policy that is there already stays as it is.
    """
    ours = not POLICY.exists() or POLICY.read_text("utf-8") == POLICY_TEXT
    if ours:
        POLICY.write_text(POLICY_TEXT, "utf-8")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def _apt_get(*arguments: str) -> int:
    return _run("apt-get", "-qq", *arguments)


def _run(*words: str, cwd: str | None = None) -> int:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        words, check=False, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(install(*sys.argv[1:]))
