"""Whom an account wrote to on a day: short hashes while they are few, so that they are counted exactly, then bits.

A hundred letters to one friend are one recipient, and what is tried again reaches nobody else. Packed it takes two
octets for each recipient and never more than `MOST_BYTES`.
"""

MOST_BYTES = 256
MOST_EXACT = MOST_BYTES // 2 - 1
BITS = 8 * MOST_BYTES
LEAST_FREE = 8  # when a mailing fills the bits up, it is long conspicuous


class Reached:
    """The recipients of a day, and those of the day before, while those of one transaction are added.

    `today` and `before` are packed. Hashes have 32 bits.

    >>> reached = Reached(b"", b"")
    >>> [reached.add(hashed, also_before=True) for hashed in (7, 8, 7)]
    [1.0, 1.0, 0.0]
    """

    def __init__(self, today: bytes, before: bytes) -> None:
        self.today = today
        self._before = before

    def add(self, hashed: int, also_before: bool, keeps: bool = True) -> float:
        """1 for another recipient than those of this day, 0 for one of them.

        Where the day has so many that they are bits, it is more than 1, for those that fall on each other (the
        increment of linear counting; Whang, Vander-Zanden, Taylor 1990). `also_before`: those of the day before are no
        others either; such a one is remembered for the next day only if this one `keeps` it.
        """
        if _holds(self.today, hashed):
            return 0.0
        if also_before and _holds(self._before, hashed):
            if keeps:
                self.today = _with(self.today, hashed)
            return 0.0
        free = _free(self.today, self._before if also_before else b"")
        self.today = _with(self.today, hashed)
        return BITS / free


def _holds(packed: bytes, hashed: int) -> bool:
    if len(packed) == MOST_BYTES:
        place = hashed % BITS
        return bool(packed[place >> 3] & 1 << (place & 7))
    short = _short(hashed)
    place = packed.find(short)
    while place > 0 and place % 2:  # across the border of two others
        place = packed.find(short, place + 1)
    return place >= 0


def _with(packed: bytes, hashed: int) -> bytes:
    if len(packed) < 2 * MOST_EXACT:
        return packed + _short(hashed)
    bits = bytearray(packed if len(packed) == MOST_BYTES else MOST_BYTES)
    if len(packed) < MOST_BYTES:
        for place in range(0, len(packed) - 1, 2):
            _set(bits, int.from_bytes(packed[place : place + 2], "big"))
    _set(bits, hashed)
    return bytes(bits)


def _set(bits: bytearray, hashed: int) -> None:
    place = hashed % BITS
    bits[place >> 3] |= 1 << (place & 7)


def _short(hashed: int) -> bytes:
    """Its lowest bits, so that the place among the bits can still be found."""
    return (hashed & 0xFFFF).to_bytes(2, "big")


def _free(today: bytes, before: bytes) -> int:
    """How many places among the bits do not hide a recipient that is new."""
    taken = 0
    for packed in (today, before):
        if len(packed) == MOST_BYTES:
            taken |= int.from_bytes(packed, "big")
    return max(BITS - taken.bit_count(), LEAST_FREE)
