"""The text model: a linear score over word stems, and how unusual a score is among the operator's own clean mail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, log
from struct import Struct
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detector.content.words import Hashes, features, words

FEATURE_VERSION = 4  # change it with anything that changes `features` or `divisor`
SHRINK = 30.0  # a text of a few words cannot be sure: their sum is divided as if there were so many more
GROWTH = 0.65  # 0.5 would be right for independent words, 1 for words that all say the same
USUAL_FEATURES = 60.0  # of a short text: there the divisor is that of independent words


ROWS = 1 << 16  # one for each first half of a key; the 200,000 keys of a model make it twelve or thirteen places long
LONGEST_ROW = 64
LINE = 64  # octets that a processor fetches at once


@dataclass(frozen=True, slots=True, eq=False)
class TextModel:
    """Weights of the features in `keys` (ascending); all others are unknown words, and count for nothing.

    Raises `ValueError` where the keys do not ascend, or are not spread as hashes are.
    """

    keys: Hashes
    weights: NDArray[np.float32]
    bias: float
    # The same once more, to be asked without a search: a row by first half of the keys has their second halves, each
    # with its weight behind it, in half precision, which is that of the files. As many octets to a row as are fetched
    # at once; an empty place weighs nothing.
    _rows: NDArray[np.uint16] = field(init=False, repr=False)
    # These rows for `kernel`, where the first one begins, and how many octets a row has.
    octets: tuple[bytes, int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.keys[1:] > self.keys[:-1]).all():
            msg = "keys must ascend"
            raise ValueError(msg)
        row = self.keys >> np.uint32(16)
        place = np.arange(len(row)) - row.searchsorted(row)
        most = int(place.max(initial=0)) + 1
        if most > LONGEST_ROW:
            msg = f"{most} keys have the same first half"
            raise ValueError(msg)
        length = max(LINE // 4, 1 << (most - 1).bit_length())
        rows = np.zeros((ROWS, length, 2), "<u2")
        rows[:, :, 0] = 0xFFFF
        rows[row, place, 0] = self.keys.astype(np.uint16)
        rows[row, place, 1] = self.weights.astype(np.float16).view(np.uint16)
        octets, start = _aligned(rows.tobytes())
        object.__setattr__(self, "_rows", np.frombuffer(octets, "<u2", offset=start).reshape(ROWS, 2 * length))
        object.__setattr__(self, "octets", (octets, start, 4 * length))

    def score(self, asked: Hashes) -> float:
        """The log-odds of spam in the training corpora, of what `features` finds in a text.

        To be compared only with scores of other texts.
        """
        rows = self._rows.take(asked >> np.uint32(16), axis=0)
        at = (rows[:, ::2] == asked.astype(np.uint16)[:, None]).reshape(-1).nonzero()[0]
        weights = rows.reshape(-1).take(2 * at + 1).view("<f2")
        return self.score_of(float(np.add.reduce(weights, dtype=np.float64)), len(asked))

    def score_of(self, total: float, count: int) -> float:
        """The score of so many features whose weights have this sum."""
        # Unknown words are in the divisor: a foreign language moves the score towards the bias, which is no evidence.
        return total / divisor(count) + self.bias


def _aligned(octets: bytes) -> tuple[bytes, int]:
    """The same behind some zeros, and how many: so each row begins where a line of the processor's memory does."""
    start = -np.frombuffer(octets, np.uint8).ctypes.data % LINE
    return bytes(start) + octets, start  # so many octets always begin at the same place of a page


def divisor(count: int) -> float:
    """What the sum of the weights of a text is divided by that has so many features."""
    return float((count + SHRINK) ** GROWTH * USUAL_FEATURES ** (0.5 - GROWTH))


LOWEST, WIDTH, CLASSES = -10.0, 0.25, 80
MOST_SEEN = 50_000.0  # then all counts are halved: the operator's mail changes in the course of months
_PACKED = Struct(f"<{CLASSES}f")


@dataclass(frozen=True, slots=True)
class Usual:
    """How often clean mail scores how high: a histogram, at first of the training ham, then of the operator's own.

    One for an operator, not for an account. `counts` are of classes of equal width; the outer ones are open.
    """

    counts: tuple[float, ...]

    @classmethod
    def of(cls, scores: Sequence[float], weight: float) -> Self:
        """From scores that count as much as `weight` messages together."""
        counts = [0.0] * CLASSES
        for score in scores:
            counts[_class(score)] += weight / len(scores)
        return cls(tuple(counts))

    def update(self, score: float) -> Self:
        """With one more distinct clean text. Ask `p` first."""
        counts = list(self.counts)
        counts[_class(score)] += 1.0
        return type(self)(tuple(_halved(counts) if sum(counts) > MOST_SEEN else counts))

    def p(self, score: float) -> float:
        """The share of clean mail that scores at least as high, never 0: a conformal p-value.

        Inside the score's class all are taken for as high, so that it is too large rather than too small.
        """
        at = _class(score)
        return (sum(self.counts[at:]) + 1.0) / (sum(self.counts) + 1.0)

    def surprise(self, score: float) -> float:
        """-ln p, as `detector.verdict.odds.calibrated` wants it."""
        return -log(self.p(score))

    def pack(self) -> bytes:
        return _PACKED.pack(*self.counts)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Raises `ValueError` for what was never packed."""
        if len(packed) != _PACKED.size:
            msg = f"{len(packed)} octets instead of {_PACKED.size}"
            raise ValueError(msg)
        counts = _PACKED.unpack(packed)
        if not all(0.0 <= count <= 2 * MOST_SEEN for count in counts):
            msg = "counts must be finite and not negative"
            raise ValueError(msg)
        return cls(counts)


def _class(score: float) -> int:
    return min(max(int((score - LOWEST) / WIDTH), 0), CLASSES - 1)


def _halved(counts: list[float]) -> list[float]:
    return [count / 2.0 for count in counts]


# Ours: a model that takes these for each other was trained on nothing, or is not what it says.
_SPAM = "You have won the lottery! Claim your prize of $1,000,000 now, reply with your bank account and phone number."
_HAM = "Can we move the meeting to Thursday? I have attached the minutes of the last one. Thanks, see you then."


def sane(model: TextModel, usual: Usual) -> bool:
    """Whether the numbers can be a model's: finite, and able to tell a lottery from a meeting."""
    finite = bool(np.isfinite(model.weights).all()) and isfinite(model.bias)
    counts = all(0.0 <= count <= MOST_SEEN for count in usual.counts) and sum(usual.counts) > 0.0
    return finite and counts and model.score(features(words(_SPAM))) > model.score(features(words(_HAM)))
