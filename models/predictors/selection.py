"""Which columns tell faults from health, and how few ill appliances are shared out fairly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_FEW = 5  # rows; a fault with fewer chooses no columns


def separating(features: Array, due: NDArray[np.int8], groups: NDArray[Any], each: int) -> NDArray[np.intp]:
    """The `each` columns of `features` (n, d) that best separate each fault of `due` (n, faults), together, rising.

    A column separates when the mean rank of every ill appliance (`groups`, (n,)) is far from the middle and on the
    same side: a fault that one appliance happens to have together with a habit chooses nothing. All columns when
    there is no fault to choose by.
    """
    ranks = np.argsort(np.argsort(np.nan_to_num(features), axis=0), axis=0) / len(features)
    chosen: set[int] = set()
    for fault in range(due.shape[1]):
        ill = due[:, fault] == 1
        if ill.sum() >= _FEW:
            away = (
                np.array([ranks[ill & (groups == one)].mean(axis=0) for one in np.unique(groups[ill])]) - 0.5
            )
            doubt = away.std(axis=0) / np.sqrt(len(away)) + 0.05
            chosen.update(np.argsort(-np.abs(away.mean(axis=0)) / doubt)[:each].tolist())
    return np.array(sorted(chosen or range(features.shape[1])), np.intp)


def dealt_folds(due: NDArray[np.int8], groups: NDArray[Any], folds: int, seed: int) -> NDArray[np.intp]:
    """(n,) fold of each row: an appliance (`groups`) whole in one, and the appliances of each fault spread over all.

    With a dozen ill appliances a fault, folds that ignore the faults would leave some without any to learn from.
    """
    appliances, of_row = np.unique(groups, return_inverse=True)
    ill = np.zeros((len(appliances), due.shape[1]), bool)
    np.logical_or.at(ill, of_row, due == 1)
    kind = np.where(ill.any(axis=1), ill.argmax(axis=1), due.shape[1])
    luck = np.random.default_rng(seed).random(len(appliances))
    fold = np.empty(len(appliances), np.intp)
    fold[np.lexsort((luck, kind))] = np.arange(len(appliances)) % folds
    return fold[of_row]
