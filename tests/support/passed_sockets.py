"""Starts a program with listening sockets, as a service manager does (sd_listen_fds(3)).

python -m tests.support.passed_sockets 7,9 PROGRAM WORDS...     descriptors 7 and 9 become 3 and 4 of PROGRAM
"""

import fcntl
import os
import sys

FIRST = 3
ABOVE_ALL = 100


def main() -> None:
    descriptors = [int(word) for word in sys.argv[1].split(",")]
    # First out of the way: one of them may already have a number that another one is to get.
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, ABOVE_ALL) for descriptor in descriptors]
    for number, copy in enumerate(copies, FIRST):
        os.dup2(copy, number)
        os.close(copy)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(copies))}
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
