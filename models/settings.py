"""Settings of the models stage."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from foremend.vocabulary.schema import SettingsPath, Strict


class TrainingSettings(Strict):
    """The simulated history that a fault predictor learns from at first start."""

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
    """How stored history and confirmed outcomes become rows to learn from."""

    learn_share: float = Field(
        default=0.7, gt=0.1, lt=0.95, description="of the time; what comes after is for judging alone"
    )
    settle_days: float = Field(
        default=14.0,
        ge=0,
        description="a row counts as healthy when no fault was confirmed for so long after",
    )


class ModelsSettings(Strict):
    """What the models stage needs."""

    registry: SettingsPath = Path("var/models")
    training: TrainingSettings = TrainingSettings()
    history: HistoryTrainingSettings = HistoryTrainingSettings()
    appliance_models: tuple[str, ...] | None = Field(
        default=None,
        description="trained at first start and used; left out: all that are simulated; []: none",
    )
    horizon_days: float = Field(default=90.0, gt=0, description="probabilities are about failures within it")
