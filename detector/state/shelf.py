"""Values in memory, the last used ones: a few as they are, and many packed, in a quarter of the room."""

from collections import OrderedDict
from typing import Generic, TypeVar

from detector.state.write_behind import Form

V = TypeVar("V")

AT_HAND = 10_000
"""Values that are not packed. A profile takes 6 KB as objects, which the collector of garbage visits again and again;
packed it takes 1.3 KB, and 6 microseconds when it is needed again."""


class Shelf(Generic[V]):
    """At most `most` values. The one that was not used for longest leaves first."""

    def __init__(self, form: Form[V], most: int, at_hand: int = AT_HAND) -> None:
        self._form = form
        self._most = most
        self._most_at_hand = at_hand
        self._at_hand: OrderedDict[str, V] = OrderedDict()
        self._packed: OrderedDict[str, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._at_hand) + len(self._packed)

    def get(self, key: str) -> V | None:
        value = self._at_hand.get(key)
        if value is not None:
            self._at_hand.move_to_end(key)
            return value
        packed = self._packed.get(key)
        if packed is None:
            return None
        value = self._form.unpack(packed)
        self.put(key, value)
        return value

    def put(self, key: str, value: V) -> None:
        if key in self._at_hand:
            self._at_hand[key] = value
            self._at_hand.move_to_end(key)
            return
        self._packed.pop(key, None)
        self._at_hand[key] = value
        if len(self._at_hand) > self._most_at_hand:
            oldest, least = self._at_hand.popitem(last=False)
            self._packed[oldest] = self._form.pack(least)
        if len(self) > self._most:
            (self._packed or self._at_hand).popitem(last=False)

    def remove(self, key: str) -> None:
        self._at_hand.pop(key, None)
        self._packed.pop(key, None)
