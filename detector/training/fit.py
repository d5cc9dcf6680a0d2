"""Fits the text model: which features count, how much each text weighs, and what the weights are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from detector.content.model import TextModel, divisor
from detector.content.words import Hashes
from detector.training.corpus import OUR_OWN, TRAINED_LANGUAGES, Example

LEAST_TEXTS = 3  # rarer features are names and misprints
STRENGTH = 5.0  # inverse of the regularisation; between 1 and 10 it makes little difference
BALANCE = 0.8  # a corpus of n texts weighs as n^0.2: one source must not say what spam is
OUR_WEIGHT = 6.0  # our own sentences stand for mail of today, of which the corpora have little
TILT = 2.0  # what the first fit does badly weighs more in the second: the tail decides, not the mean
MOST_LOSS = 3.0  # nats: with more a text is rather labelled wrongly than difficult
USUAL_IDF = 6.0  # nats: of a word in 1 of 400 texts; keeps `STRENGTH` in the same units
HELD_BACK = 1.8  # the power of it

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]


def fit(kept: Sequence[Example]) -> TextModel:
    """Logistic regression on the features of the texts; weights are rounded to what the file keeps.

    Common words are held back by their inverse document frequency: in them corpora differ by habit, not by purpose.
    The second of two fits is a step towards tilted losses (Li, Beirami, Sanjabi, Smith 2021).
    Raises `ValueError` when there is not both ham and spam.
    """
    kept = [one for one in kept if one.language in TRAINED_LANGUAGES]
    spam = np.array([one.spam for one in kept], bool)
    if not spam.any() or spam.all():
        msg = "both ham and spam are needed, also when any one family of corpora is left out"
        raise ValueError(msg)
    asked = [one.features for one in kept]
    keys, counts = np.unique(np.concatenate(asked), return_counts=True)
    keys, counts = keys[counts >= LEAST_TEXTS], counts[counts >= LEAST_TEXTS]
    idf = (np.log(len(kept) / counts) / USUAL_IDF) ** HELD_BACK
    matrix = _matrix(asked, keys, idf)
    groups = _groups(kept)
    weights = _balanced(kept, groups)
    machine = _fitted(matrix, spam, weights)
    losses = np.logaddexp(0.0, np.where(spam, -1.0, 1.0) * machine.decision_function(matrix))
    machine = _fitted(matrix, spam, _tilted(weights, losses, groups))
    rounded = (machine.coef_[0] * idf).astype(np.float16)
    return TextModel(keys, rounded.astype(np.float32), round(float(machine.intercept_[0]), 4))


def _fitted(matrix: csr_matrix, spam: NDArray[np.bool_], weights: Numbers) -> LogisticRegression:
    machine = LogisticRegression(C=STRENGTH, solver="liblinear", dual=True, max_iter=300, tol=1e-3, random_state=0)
    return machine.fit(matrix, spam, sample_weight=weights)


def _matrix(asked: Sequence[Hashes], keys: Hashes, idf: Numbers) -> csr_matrix:
    columns, values, ends = [], [], [0]
    for one in asked:
        place = np.searchsorted(keys, one).clip(max=len(keys) - 1)
        known = place[keys[place] == one]
        columns.append(known)
        values.append(idf[known] / divisor(len(one)))
        ends.append(ends[-1] + len(known))
    return csr_matrix((np.concatenate(values), np.concatenate(columns), ends), shape=(len(asked), len(keys)))


def _groups(kept: Sequence[Example]) -> list[Places]:
    """Where the texts of one family and one label stand."""
    marks = [(one.spam, one.family) for one in kept]
    return [np.array([at for at, other in enumerate(marks) if other == mark]) for mark in sorted(set(marks))]


def _balanced(kept: Sequence[Example], groups: Sequence[Places]) -> Numbers:
    """Ham and spam weigh the same; inside, families weigh as `BALANCE` says. One in the mean."""
    weights = np.zeros(len(kept))
    for group in groups:
        ours = OUR_WEIGHT if kept[group[0]].family == OUR_OWN else 1.0
        weights[group] = ours * len(group) ** -BALANCE
    spam = np.array([one.spam for one in kept])
    for label in (False, True):
        weights[spam == label] *= len(kept) / 2.0 / weights[spam == label].sum()
    return weights


def _tilted(weights: Numbers, losses: Numbers, groups: Sequence[Places]) -> Numbers:
    """Inside each group the difficult texts weigh more; the group weighs as before."""
    tilted = weights * np.exp(TILT * np.minimum(losses, MOST_LOSS))
    for group in groups:
        tilted[group] *= weights[group].sum() / tilted[group].sum()
    return tilted
