"""Settings of the models stage."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from foremend.vocabulary.schema import SettingsPath, Strict
from models.costs import CostsSettings


class TrainingSettings(Strict):
    """The practice, which is simulated history, that a first champion is trained on.

    >>> from foremend.vocabulary.schema import examined
    >>> small = TrainingSettings(appliances=40, days=90)
    >>> small.appliances, small.fault_rate
    (40, 0.8)
    >>> examined(TrainingSettings, {"appliances": 5})[1][0].what
    'Input should be greater than or equal to 20'
    """

    appliances: int = Field(
        default=100,
        ge=20,
        description="of each appliance model; more where it has many faults, and a fifth more that stay well",
    )
    days: int = Field(
        default=170, ge=40, description="event-days; the first two weeks only teach what is usual"
    )
    fault_rate: float = Field(default=0.8, ge=0, le=1, description="share of appliances that fall ill")
    seed: int = Field(default=90_210, ge=0, description="keep it apart from the seeds of fleets you judge by")
    rarer: float = Field(
        default=0.7, gt=0, le=1, description="odds of a fault in life, over those among simulated appliances"
    )
    every_days: int = Field(
        default=3, ge=1, description="a well appliance gives one training row in so many days"
    )


class HistoryTrainingSettings(Strict):
    """How stored history and the outcomes that technicians confirmed become rows to learn from.

    >>> settings = HistoryTrainingSettings(settle_days=30)
    >>> settings.settle_days, settings.folds
    (30.0, 5)
    """

    folds: int = Field(
        default=5,
        ge=2,
        description="a version is judged by votes that learnt from all appliances but a part, each part in turn",
    )
    settle_days: float = Field(
        default=14.0,
        ge=0,
        description="a row counts as healthy when no fault was confirmed for so long after",
    )


class ModelsSettings(Strict):
    """Where trained models are kept, and what they are trained on.

    >>> from foremend.vocabulary.schema import examined
    >>> settings = ModelsSettings(registry=Path("var/models"), training=TrainingSettings(appliances=40))
    >>> settings.training.appliances, settings.horizon_days
    (40, 90.0)
    >>> examined(ModelsSettings, {"horizon": 60})[1][0].what
    "unknown key 'horizon': did you mean 'horizon_days'?"
    """

    registry: SettingsPath = Path("var/models")
    training: TrainingSettings = TrainingSettings()
    history: HistoryTrainingSettings = HistoryTrainingSettings()
    appliance_models: tuple[str, ...] | None = Field(
        default=None,
        description="trained at first start and used; left out: all that are simulated; []: none",
    )
    costs: CostsSettings = CostsSettings()
    horizon_days: float = Field(default=90.0, gt=0, description="probabilities are about failures within it")
