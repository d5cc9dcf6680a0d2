"""Debian's packages with the real servers that tests talk to: are they here, and how do they come here.

    python -m tests.support.packages     installs what is missing (as root, with apt-get)

Nothing that it installs is started, and no package is ever removed for it.
"""

import os
import shutil
import subprocess
import sys
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
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = (
    "#!/bin/sh\n# Written by tests/support/packages.py while it installs packages; may be removed.\nexit 101\n"
)


def missing(*packages: str) -> list[str]:
    """Which of these packages, or of all that tests need, are not installed."""
    return [package for package in packages or PROVES if not PROVES[package].exists()]


def need(*packages: str) -> None:
    """Skip the running test, loudly, where a package is missing; on the build machine that is a failure."""
    absent = missing(*packages)
    if not absent:
        return
    reason = f"not installed: {' '.join(absent)} (sudo apt-get install {' '.join(absent)})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def install() -> int:
    """Install what is missing; the exit status. Without root or apt-get only say what is missing."""
    absent = missing()
    if not absent:
        print("all installed:", " ".join(PROVES))
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"MISSING: {' '.join(absent)}. The tests that need them will be SKIPPED.", file=sys.stderr)
        print(f"To run them too: sudo apt-get install --no-install-recommends {' '.join(absent)}", file=sys.stderr)
        return 0
    print("installing:", " ".join(absent), flush=True)
    with services_stay_down():
        status = _apt_get("update") or _apt_get("install", "--yes", "--no-install-recommends", "--no-remove", *absent)
    return status or int(bool(missing()))


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
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(install())
