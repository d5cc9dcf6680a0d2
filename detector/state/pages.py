"""Values of a table's file, read page by page as far as the pages are in memory: nobody waits for a disk.

SQLite would wait, so a thread must ask it, and to wake that thread and to pass the interpreter to and fro costs ten
times what reading a row does. This knows the trees of `table.SCHEMA` only, in a file that nobody changes meanwhile
(https://sqlite.org/fileformat2.html).
"""

import errno
import os
from typing import Final

UNKNOWN: Final = -1
"""No row, or none that can be told without waiting: whoever wants to know must ask SQLite."""

HEADER_BYTES: Final = 100
MOST_LEVELS: Final = 20  # of a tree; a damaged one may lead in a circle
NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)
QUIETLY: Final[int] = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOATIME", 0)
"""Without a time of the last access, for which the kernel might wait for a disk after all."""

INDEX_INTERIOR: Final = 2
TABLE_INTERIOR: Final = 5
INDEX_LEAF: Final = 10
TABLE_LEAF: Final = 13

KEY_COLUMN: Final = 1
VALUE_COLUMN: Final = 3


class OpenFile:
    """A file to read from. It is closed with its last user.

    Not earlier: whoever closes a file gives up the locks that SQLite has on it, those of all connections of the process
    (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    """

    def __init__(self, path: str) -> None:
        """Raises `OSError`."""
        self.descriptor = -1
        self.descriptor = os.open(path, QUIETLY)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class Pages:
    """The file as it stands, until it is changed. For one thread."""

    def __init__(self, file: OpenFile, keys_root: int, rows_root: int) -> None:
        """The roots are those of the index by key and of the table itself. Waits for the disk. Raises `OSError`."""
        header = os.pread(file.descriptor, HEADER_BYTES, 0)
        if len(header) != HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
            raise OSError(errno.EIO, "no database")
        page_bytes = 65536 if _two(header, 16) == 1 else _two(header, 16)
        usable = page_bytes - header[20]
        self._most_of_entry = (usable - 12) * 64 // 255 - 23  # what is longer goes on in another page
        self._most_of_row = usable - 35
        self._file = file
        self._page_bytes = page_bytes
        self._keys_root = keys_root
        self._rows_root = rows_root
        self._room = bytearray(page_bytes)
        self._upper: dict[int, bytes] = {}  # what most searches begin with

    def value(self, key: bytes) -> bytes | None:
        """None when it is not known without waiting, or not there."""
        try:
            number = self._number_of(key)
            return None if number == UNKNOWN else self._value_of(number, key)
        except (OSError, IndexError):  # not in memory; not a file system that could tell; or damaged
            return None

    def _page(self, number: int) -> bytes:
        page = self._upper.get(number)
        if page is not None:
            return page
        size = self._page_bytes
        room = self._room
        if not NOWAIT:
            raise OSError(errno.EOPNOTSUPP, "only Linux tells what is in memory")
        if os.preadv(self._file.descriptor, [room], (number - 1) * size, NOWAIT) != size:
            raise BlockingIOError
        page = bytes(room)
        if page[0] == INDEX_INTERIOR or page[0] == TABLE_INTERIOR:
            self._upper[number] = page
        return page

    def _number_of(self, key: bytes) -> int:
        """Of the row with this key."""
        at = self._keys_root
        for _ in range(MOST_LEVELS):
            page = self._page(at)
            interior = page[0] == INDEX_INTERIOR
            if not interior and page[0] != INDEX_LEAF:
                return UNKNOWN
            header, before = (12, 4) if interior else (8, 0)
            low, high = 0, _two(page, 3)
            while low < high:
                middle = (low + high) >> 1
                found, number = self._entry(page, _two(page, header + 2 * middle) + before)
                if found == key:
                    return number
                if found < key:
                    low = middle + 1
                else:
                    high = middle
            if not interior:
                return UNKNOWN
            at = _child(page, low)
        return UNKNOWN

    def _value_of(self, number: int, key: bytes) -> bytes | None:
        at = self._rows_root
        for _ in range(MOST_LEVELS):
            page = self._page(at)
            interior = page[0] == TABLE_INTERIOR
            if not interior and page[0] != TABLE_LEAF:
                return None
            header = 12 if interior else 8
            low, high = 0, _two(page, 3)
            while low < high:
                middle = (low + high) >> 1
                cell = _two(page, header + 2 * middle)
                found, _ = _whole(page, cell + 4 if interior else _whole(page, cell)[1])
                if found < number:
                    low = middle + 1
                else:
                    high = middle
            if not interior:
                return self._stored(page, _two(page, header + 2 * low), key) if low < _two(page, 3) else None
            at = _child(page, low)
        return None

    def _entry(self, page: bytes, cell: int) -> tuple[bytes, int]:
        """Of the index: a key, and the number of its row. Raises `IndexError` where it is not all in the page."""
        size, start = _whole(page, cell)
        header_bytes, at = _whole(page, start)
        kind, at = _whole(page, at)
        number_kind, _ = _whole(page, at)
        begin = start + header_bytes
        end = begin + _bytes_of(kind)
        if size > self._most_of_entry or kind < 12:
            raise IndexError
        return page[begin:end], _number(page, end, number_kind)

    def _stored(self, page: bytes, cell: int, key: bytes) -> bytes | None:
        """The value of a row, if its key is this one. None where it goes on in another page."""
        size, at = _whole(page, cell)
        if size > self._most_of_row:
            return None
        _, start = _whole(page, at)
        header_bytes, at = _whole(page, start)
        begin = start + header_bytes
        for column in range(VALUE_COLUMN):
            kind, at = _whole(page, at)
            end = begin + _bytes_of(kind)
            if column == KEY_COLUMN and page[begin:end] != key:
                return None
            begin = end
        kind, _ = _whole(page, at)
        end = begin + _bytes_of(kind)
        return page[begin:end] if kind >= 12 and kind & 1 == 0 and end <= start + size else None


def _two(page: bytes, at: int) -> int:
    return page[at] << 8 | page[at + 1]


def _four(page: bytes, at: int) -> int:
    return page[at] << 24 | page[at + 1] << 16 | page[at + 2] << 8 | page[at + 3]


def _child(page: bytes, index: int) -> int:
    """The page where all is that stands before this cell of an interior page, or behind the last one."""
    return _four(page, 8 if index == _two(page, 3) else _two(page, 12 + 2 * index))


def _whole(page: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    number = 0
    for end in range(at, at + 8):
        octet = page[end]
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            return number, end + 1
    return number << 8 | page[at + 8], at + 9


def _number(page: bytes, at: int, kind: int) -> int:
    """Of a row; the least is 1, and is stored as a kind of its own."""
    return kind - 8 if kind in {8, 9} else int.from_bytes(page[at : at + _bytes_of(kind)], "big")


def _bytes_of(kind: int) -> int:
    """How much room a stored value of this kind takes."""
    if kind >= 12:
        return (kind - 12) >> 1
    if kind <= 4:
        return kind
    return (6, 8, 8, 0, 0, 0, 0)[kind - 5]
