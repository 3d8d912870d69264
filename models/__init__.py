"""Features, detectors and predictors. The names below are the whole of what a data scientist needs:

>>> from models import FaultPredictor
>>> predictor = FaultPredictor(("refrigerant-leak", "defrost-failure"), seed=1)
>>> predictor.faults, predictor.horizon_days
(('refrigerant-leak', 'defrost-failure'), 90.0)

`predictor.learn(deviations, features, days_to_failure, appliance)` then fits it and `predictor.score(appliance, time,
features)` asks it; detectors and the drift watch have the same verbs. See examples/predict_faults.py.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.detectors import reading_watch, window_watch
    from models.drift import DriftWatch
    from models.outcomes import Outcome, label_rows
    from models.predictors.faults import FaultPredictor
    from models.registry.gate import gate_metrics
    from models.registry.registry import ModelCard, Registry

__all__ = [
    "DriftWatch",
    "FaultPredictor",
    "ModelCard",
    "Outcome",
    "Registry",
    "gate_metrics",
    "label_rows",
    "reading_watch",
    "window_watch",
]

_HOMES = {
    "DriftWatch": "models.drift",
    "FaultPredictor": "models.predictors.faults",
    "ModelCard": "models.registry.card",
    "Outcome": "models.outcomes",
    "Registry": "models.registry.registry",
    "gate_metrics": "models.registry.gate",
    "label_rows": "models.outcomes",
    "reading_watch": "models.detectors",
    "window_watch": "models.detectors",
}


def __getattr__(name: str) -> Any:
    """Import on first use: reading settings must not cost the seconds that scikit-learn takes to load."""
    if name not in _HOMES:
        raise AttributeError(f"module 'models' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
