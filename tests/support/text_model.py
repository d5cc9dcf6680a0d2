"""A text model of a few words, so that tests know what reads like abuse, whichever model is shipped."""

import numpy as np

from detector.content.model import TextModel, Usual
from detector.content.reader import Reader
from detector.content.words import features, words

ABUSE = "You have won the lottery! Claim your prize of $1,000,000 now, reply with your bank account and phone number."
CLEAN = "Can we move the meeting to Thursday? I have attached the minutes of the last one. Thanks, see you then."


def small_model() -> TextModel:
    """Every word and pair of `ABUSE` speaks for abuse, of `CLEAN` against it."""
    weights = dict.fromkeys(features(words(CLEAN)).tolist(), -3.0) | dict.fromkeys(features(words(ABUSE)).tolist(), 3.0)
    keys = np.array(sorted(weights), np.uint32)
    return TextModel(keys, np.array([weights[int(key)] for key in keys], np.float32), -1.0)


def small_reader() -> Reader:
    """Its clean mail scores around the bias."""
    return Reader(small_model(), Usual.of([-3.0 + number / 250.0 for number in range(1000)], weight=5000.0))
