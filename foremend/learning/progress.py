"""How far a training is: what the page shows of it, without what training needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Training:
    """How far the training of an appliance model is."""

    appliance_model: str
    state: Literal["waiting", "practising", "learning", "trained", "failed"]
    done: float = 0.0  # share of the practice, 0..1: what follows takes a fraction of it
