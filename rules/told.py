"""What was told of an appliance decides what a prediction may still tell.

What is told is neither untold by growing, nor told anew by another name once the appliance has failed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rules.question import Question


def still_to_tell(
    asked: Question, held: NDArray[np.bool_], failed: NDArray[np.bool_], likely: float
) -> Question:
    """The prediction without what must not change, which is unknown in it: a rule passes that over.

    `held` (n, faults): an episode is open; `failed` (n,): the appliance has failed; `likely`: where a rule opens.
    A fault of an open episode stays told while the appliance has failed, or another fault is likely: it is not
    well, whatever it looks like by now. Of an appliance that failed after a fault was told no other fault is.
    """
    values = asked.rows.values
    likeliest = np.max(np.nan_to_num(values), axis=1, initial=0.0, keepdims=True)
    stays = held & (values <= likely) & (failed[:, None] | (likeliest > likely))
    renamed = ~held & (failed & held.any(axis=1))[:, None]
    left = np.where(stays | renamed, np.nan, values)
    return replace(asked, rows=replace(asked.rows, values=left))
