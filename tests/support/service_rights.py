"""Starts a program with no more rights than a unit of systemd leaves to its service, in what matters most.

    python -m tests.support.service_rights UNIT DIRECTORY PROGRAM WORDS...

Taken from the unit: SystemCallFilter= (what is not in it gives EPERM) and RestrictAddressFamilies=. Done as it says:
MemoryDenyWriteExecute=, NoNewPrivileges=, CapabilityBoundingSet= (empty), and ProtectSystem=strict where DIRECTORY is
the only place to write to. It holds for this process and its children, in a mount namespace of their own; nothing of
the host changes.
"""

import ctypes
import os
import platform
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_MDWE = 38, 22, 24, 65
SECCOMP_MODE_FILTER, MDWE_REFUSE_EXEC_GAIN = 2, 1
CAPABILITIES = 41
ALLOW, ERRNO, EPERM, EAFNOSUPPORT = 0x7FFF0000, 0x00050000, 1, 97
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF: a word of the call's description, a comparison, an end
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16  # in that description (struct seccomp_data)

_libc = ctypes.CDLL(None, use_errno=True)


def cannot() -> str:
    """Why this cannot be done here, or nothing."""
    if platform.machine() != "x86_64" or not NUMBERS.exists():
        return "the numbers of system calls are read from linux-libc-dev of amd64"
    return "" if os.geteuid() == 0 else "taking rights away takes root"


def settings(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def denied_calls(unit: Path) -> list[int]:
    """The numbers of all calls that the unit's filters leave out."""
    allowed: set[str] = set()
    for line in settings(unit, "SystemCallFilter"):
        named = {call for group in line.removeprefix("~").split() for call in calls(group)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    known = re.findall(r"^#define __NR_(\w+) (\d+)", NUMBERS.read_text("utf-8"), re.MULTILINE)
    return [int(number) for name, number in known if name not in allowed]


def calls(group: str) -> Iterator[str]:
    """The calls in one of systemd's groups; a group may name others."""
    words = ["systemd-analyze", "syscall-filter", group]
    for line in subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            yield from calls(word)
        elif word and not word.startswith("#"):
            yield word


def program(denied: list[int], families: list[int], socket_number: int) -> bytes:
    """The filter in BPF: for each denied call EPERM, for a socket of another family EAFNOSUPPORT."""
    steps = [(LOAD, 0, 0, NUMBER_AT)]
    for number in denied:
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | EPERM)]
    count = len(families)
    steps += [(EQUAL, 0, count + 2, socket_number), (LOAD, 0, 0, FIRST_ARGUMENT_AT)]
    steps += [(EQUAL, count - place, 0, family) for place, family in enumerate(families)]
    steps += [(RETURN, 0, 0, ERRNO | EAFNOSUPPORT), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


class SocketFilter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def read_only_but(directory: Path) -> None:
    """In a mount namespace of our own: the root is read-only, the directory is not."""
    here, root = str(directory).encode(), b"/"
    done(_libc.unshare(CLONE_NEWNS))
    done(_libc.mount(b"none", root, None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))
    done(_libc.mount(here, here, None, ctypes.c_ulong(MS_BIND), None))
    done(_libc.mount(b"none", root, None, ctypes.c_ulong(MS_REMOUNT | MS_BIND | MS_RDONLY), None))


def main() -> None:
    unit, directory, words = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    denied = denied_calls(unit)
    [families] = settings(unit, "RestrictAddressFamilies")
    numbers = [int(getattr(socket, name)) for name in families.split()]
    [of_socket] = re.findall(r"^#define __NR_socket (\d+)", NUMBERS.read_text("utf-8"), re.MULTILINE)
    text = program(denied, numbers, int(of_socket))
    read_only_but(directory)
    for capability in range(CAPABILITIES):
        done(_libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    done(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    done(_libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
    steps = ctypes.create_string_buffer(text)
    given = SocketFilter(len(text) // 8, ctypes.cast(steps, ctypes.c_void_p))
    done(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0))
    os.execv(words[0], words)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
