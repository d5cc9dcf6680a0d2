"""The octets between 354 and the end mark: where they end, and whether they may pass."""

import numpy as np

from detector.mail.reply import Reply
from detector.mail.search import find_by
from detector.relay import replies

END = b"\r\n.\r\n"
DOT = b"\r\n."
CR, LF = 13, 10
MANY_BYTES = 4_096  # numpy sees to more of them sooner
AT_ONCE_BYTES = 65_536  # what is made of more would be new pages from the system each time
IS_CR, IS_LF = bytes([octet == CR for octet in range(256)]), bytes([octet == LF for octet in range(256)])


class BodyReader:
    """Collects the octets after 354, still dot-stuffed, until the end mark CR LF . CR LF (RFC 5321 section 4.1.1.4).

    Only that mark ends a message. A bare CR or LF anywhere makes it refused (`problem`): a server further on might
    see an end where we see none (SMTP smuggling). After a problem the rest is read and thrown away. Unless `dotted` is
    set no line begins with a dot but that of the end mark, and nobody need look for doubled ones.
    """

    def __init__(self, size_limit_bytes: int) -> None:
        self.problem: Reply | None = None
        self.complete = self.dotted = False
        self.size_bytes = 0
        self.pending_bytes = 0
        self._size_limit_bytes = size_limit_bytes + len(END) - 2
        self._chunks: list[bytes] = []
        self._tail = b"\r\n"  # the line end of the DATA command: "." may stand alone at once
        self._after_cr = False

    def feed(self, octets: bytes) -> bytes:
        """Take octets from the connection; give back those behind the end mark, for the next command."""
        end = self._end_in(octets)
        if end >= 0:
            octets, rest = octets[:end], octets[end:]
            self.complete = True
        else:
            rest = b""
            self._tail = (self._tail + octets[-4:])[-4:]
        self.size_bytes += len(octets)
        self._check(octets)
        if self.problem is None:
            self._chunks.append(octets)
            self.pending_bytes += len(octets)
        return rest

    def take(self) -> list[bytes]:
        """What has been collected and not yet taken, the end mark included."""
        taken, self._chunks = self._chunks, []
        self.pending_bytes = 0
        return taken

    def refuse(self, problem: Reply) -> None:
        """Keep nothing more; the rest is only read to find its end."""
        self.problem = self.problem or problem
        self._chunks.clear()
        self.pending_bytes = 0

    def _end_in(self, octets: bytes) -> int:
        # The end mark may lie across two chunks: look at the seam first, then inside the chunk.
        seam = self._tail + octets[:4]
        if seam.find(DOT, 0, len(self._tail) + 2) >= 0:
            at = seam.find(END)
            if at >= 0:
                return at + len(END) - len(self._tail)
            self.dotted = True
        at = find_by(b".", DOT, octets)
        if at < 0:
            return -1
        if not octets.startswith(END, at):  # mostly the first one is the last one
            self.dotted = True
            at = find_by(b".", END, octets, at)
        return at + len(END) if at >= 0 else -1

    def _check(self, octets: bytes) -> None:
        if not octets or self.problem is not None:
            return
        paired = _all_paired_in_many if len(octets) > MANY_BYTES else _all_paired
        whole = paired(octets, self._after_cr)
        self._after_cr = octets[-1] == CR
        if not whole:
            self.refuse(replies.BARE_LINE_END)
        elif self.size_bytes > self._size_limit_bytes:
            self.refuse(replies.TOO_LARGE)


def _all_paired(octets: bytes, after_cr: bool) -> bool:
    """Whether no CR or LF stands alone; a CR at the very end still may be followed by its LF."""
    carriage_returns, line_feeds = octets.translate(IS_CR), octets.translate(IS_LF)
    return line_feeds[0] == after_cr and carriage_returns[:-1] == line_feeds[1:]


def _all_paired_in_many(octets: bytes, after_cr: bool) -> bool:
    values = np.frombuffer(octets, np.uint8)
    for start in range(0, len(values), AT_ONCE_BYTES):
        some = values[start : start + AT_ONCE_BYTES]
        carriage_returns, line_feeds = some == CR, some == LF
        # Octets are compared sooner than numpy's truth values.
        if line_feeds[0] != after_cr or not line_feeds.tobytes().endswith(carriage_returns[:-1].data):
            return False
        after_cr = bool(carriage_returns[-1])
    return True
