"""Whether this host's clock can be believed: verdicts, certificates, codes and signatures go by it."""

import ctypes
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from detector.cli.doctor_part import Part
from detector.cli.finding import Finding, hint, problem
from detector.cli.words import moment

RELEASED = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""This program is younger: a clock of before is wrong."""

LATE = 86_400.0
"""Seconds by which the log may be ahead of the clock before we call it a jump; less is a time service at work."""

UNSYNCHRONISED = 5
"""TIME_ERROR of adjtimex(2): nobody corrects the kernel's clock."""

ROOM = 1024
"""Octets; `struct timex` takes 208, on no system more."""


def examine_clock(now: float, newest: float | None) -> Part:
    """`newest` is when (Unix seconds) the audit log was last written to."""
    synchronised = kernel_state() != UNSYNCHRONISED
    return Part("clock", {"now_at": now, "synchronised": synchronised}, list(_judged(now, newest, synchronised)))


def kernel_state(ask: Callable[[], int] | None = None) -> int:
    """What adjtimex(2) says, changing nothing; in order (0, -1) where there is no such call, or it is not allowed."""
    try:
        return (ask or _adjtimex)()
    except (AttributeError, OSError):
        return 0


def _adjtimex() -> int:
    return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(ROOM)))


def _judged(now: float, newest: float | None, synchronised: bool) -> Iterator[Finding]:
    if now < RELEASED:
        yield problem("clock", f"it is {moment(now)} UTC by this host: set its clock, and run a time service")
    elif newest is not None and newest > now + LATE:
        text = f"the audit log knows {moment(newest)} UTC already: the clock was set back, or was ahead; find out which"
        yield problem("clock", text)
    if not synchronised:
        yield hint("clock", "no time service corrects it: install one (chrony, systemd-timesyncd)")
