"""Trained versions of each appliance model, under `/api/v1`: how they do, what drifts, put in use and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from alerts.change import change
from foremend.learning.versions import Versions
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.views import Time
from foremend.vocabulary.errors import ConfigError, IntegrityError, RefusedError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Caller, Right
from models.registry.registry import ModelCard

_OF_MODELS = Depends(Needs(Right.MODELS))
Changing = Annotated[Caller, Depends(Needs(Right.MODELS_CHANGE))]
Version = Annotated[str, Field(pattern=r"^v\d{4,9}$")]
Figures = dict[str, float | None]


class ModelInList(BaseModel):
    """One appliance model; `drifted`: how many features moved away from what the champion learnt from."""

    appliance_model: str
    champion: str | None
    challenger: str | None
    versions: int
    made_at: Time | None
    source: str | None
    metrics: Figures
    drifted: int


class VersionView(BaseModel):
    """`trained_on`: what it learnt from. `metrics`: on what it did not learn from, which is another thing of each."""

    version: str
    made_at: Time
    trained_on: dict[str, Any]
    metrics: Figures
    faults: list[str]
    features: int
    signed: bool


class PromotionView(BaseModel):
    """One change of the champion."""

    action: Literal["promoted", "rolled-back"]
    version: str
    previous: str | None
    at: Time
    who: str
    why: str
    forced: bool


class DriftView(BaseModel):
    """A feature whose population stability index `psi` is above its `limit`."""

    feature: str
    psi: float
    limit: float


class ShadowView(BaseModel):
    """Champion and challenger side by side on live data: episodes that both, or one alone, would have opened."""

    challenger: str
    days: int
    appliance_days: int
    opened_by_both: int
    opened_by_champion_only: int
    opened_by_challenger_only: int
    mean_difference: float


class ModelView(BaseModel):
    """Everything that is kept of one appliance model's versions, the newest first; `before_champion`: where a rollback
    leads."""

    appliance_model: str
    champion: str | None
    challenger: str | None
    before_champion: str | None
    versions: list[VersionView]
    history: list[PromotionView]
    drifted: list[DriftView]
    shadow: ShadowView | None


class ComparisonView(BaseModel):
    """Both on the same rows, which neither learnt from; `reasons_against` is empty where it may be promoted."""

    champion: str
    challenger: str
    champion_metrics: Figures
    challenger_metrics: Figures
    reasons_against: list[str]


class RollbackBody(BaseModel):
    """`seen`: the champion that was looked at; where it is another one by now nothing is changed (409)."""

    model_config = ConfigDict(extra="forbid")
    seen: Version | None = None
    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[^\x00]*$")]


class PromotionBody(RollbackBody):
    version: Version


class ChangedView(BaseModel):
    appliance_model: str
    champion: str
    previous: str | None


class ModelDesk:
    """The versions of one registry, and the audit log that says who changed which is in use."""

    def __init__(self, versions: Versions, engine: Engine, clock: Clock) -> None:
        self.versions, self._engine, self._clock = versions, engine, clock

    def promote(self, name: str, asked: PromotionBody, caller: Caller) -> dict[str, Any]:
        """Raises what `Versions.promote` raises: what is worse than the champion is put in use by command alone."""
        who = caller.name or caller.who
        done = self.versions.promote(name, asked.version, asked.reason, False, who=who, seen=asked.seen)
        return self._noted("model.promoted", done, caller)

    def roll_back(self, name: str, asked: RollbackBody, caller: Caller) -> dict[str, Any]:
        """Raises what `Versions.rollback` raises."""
        who = caller.name or caller.who
        done = self.versions.rollback(name, asked.reason, who=who, seen=asked.seen)
        return self._noted("model.rolled_back", done, caller)

    def _noted(self, action: str, done: dict[str, Any], caller: Caller) -> dict[str, Any]:
        with change(self._engine, self._clock) as work:
            more = {"version": done["champion"], "previous": done["previous"]}
            work.note(action, done["appliance_model"], by=caller.who, **more)
        return done


def add_models(app: FastAPI, desk: ModelDesk | None) -> None:
    """Routes over `desk`; without one they answer 503."""

    @app.get("/api/v1/models", tags=["models"], operation_id="listModels", dependencies=[_OF_MODELS])
    def list_models() -> list[ModelInList]:
        """Appliance models with a stored version, by name; none where nothing was trained or can be reached here."""
        versions = _here(desk).versions
        return [_short(versions, name) for name in versions.registry.appliance_models()]

    @app.get(
        "/api/v1/models/{appliance_model}",
        tags=["models"],
        operation_id="getModel",
        dependencies=[_OF_MODELS],
        responses=stated(404),
    )
    def get_model(appliance_model: str) -> ModelView:
        """Versions, changes of the champion with who and why, what drifts, and the challenger on live data."""
        return _whole(_known(desk, appliance_model).versions, appliance_model)

    @app.get(
        "/api/v1/models/{appliance_model}/comparison",
        tags=["models"],
        operation_id="compareModels",
        dependencies=[_OF_MODELS],
        responses=stated(404, 409),
    )
    def compare_models(appliance_model: str, version: Version) -> ComparisonView:
        """The champion and `version` on the same rows: a second or some, as both are loaded and judged."""
        versions = _known(desk, appliance_model).versions
        with _refused():
            found = versions.compare(appliance_model, version)
        champion, challenger = found["champion"], found["challenger"]
        return ComparisonView(
            champion=champion.pop("version"),
            challenger=challenger.pop("version"),
            champion_metrics=champion,
            challenger_metrics=challenger,
            reasons_against=found["reasons_against"],
        )

    @app.post(
        "/api/v1/models/{appliance_model}/promotion",
        tags=["models"],
        operation_id="promoteModel",
        responses=stated(404, 409),
    )
    def promote_model(caller: Changing, appliance_model: str, asked: PromotionBody) -> ChangedView:
        """Put a version in use; running pipelines take it up. 409: it is worse than the champion, or that changed."""
        known = _known(desk, appliance_model)
        with _refused():
            return ChangedView(**known.promote(appliance_model, asked, caller))

    @app.post(
        "/api/v1/models/{appliance_model}/rollback",
        tags=["models"],
        operation_id="rollBackModel",
        responses=stated(404, 409),
    )
    def roll_back_model(caller: Changing, appliance_model: str, asked: RollbackBody) -> ChangedView:
        """Return to the champion before this one. 409 where there was none, or the champion changed."""
        known = _known(desk, appliance_model)
        with _refused():
            return ChangedView(**known.roll_back(appliance_model, asked, caller))


@contextmanager
def _refused() -> Iterator[None]:
    """What the registry refuses, as the answer that says so."""
    try:
        yield
    except (ConfigError, RefusedError, IntegrityError) as error:
        raise Problem(409, str(error)) from error


def _here(desk: ModelDesk | None) -> ModelDesk:
    if desk is None:
        raise Problem(503, "no registry of models is read here: this process only shows")
    return desk


def _known(desk: ModelDesk | None, appliance_model: str) -> ModelDesk:
    """A name that is none of the registry's never becomes a path."""
    found = _here(desk)
    if appliance_model not in found.versions.registry.appliance_models():
        raise HTTPException(404, f"no version of {appliance_model} is stored")
    return found


def _short(versions: Versions, name: str) -> ModelInList:
    registry = versions.registry
    aliases, stored, live = registry.aliases(name), registry.versions(name), registry.live(name)
    card = registry.card(name, aliases.champion) if aliases.champion else None
    return ModelInList(
        appliance_model=name,
        champion=aliases.champion,
        challenger=aliases.challenger,
        versions=len(stored),
        made_at=card.made_at if card else None,
        source=card.trained_on.get("source") if card else None,
        metrics=_figures(card.metrics) if card else {},
        drifted=len(live.get("drifted", {})) if live.get("champion") == aliases.champion else 0,
    )


def _whole(versions: Versions, name: str) -> ModelView:
    registry = versions.registry
    aliases, live = registry.aliases(name), registry.live(name)
    live = live if live.get("champion") == aliases.champion else {}
    shadow = live.get("shadow")
    return ModelView(
        appliance_model=name,
        champion=aliases.champion,
        challenger=aliases.challenger,
        before_champion=aliases.before_champion,
        versions=[_version(registry.card(name, one)) for one in reversed(registry.versions(name))],
        history=[PromotionView(**asdict(one)) for one in reversed(aliases.history)],
        drifted=[DriftView(feature=feature, **one) for feature, one in live.get("drifted", {}).items()],
        shadow=_counted(shadow) if shadow and shadow["challenger"] == aliases.challenger else None,
    )


def _version(card: ModelCard) -> VersionView:
    return VersionView(
        version=card.version,
        made_at=card.made_at,
        trained_on=dict(card.trained_on),
        metrics=_figures(card.metrics),
        faults=list(card.faults),
        features=len(card.feature_names),
        signed=bool(card.signature),
    )


def _counted(shadow: dict[str, Any]) -> ShadowView:
    """Which appliances they are is nobody's matter here."""
    alone = ("opened_by_champion_only", "opened_by_challenger_only")
    return ShadowView(**{**shadow, **{name: len(shadow[name]) for name in alone}})


def _figures(metrics: Mapping[str, Any]) -> Figures:
    return {name: one for name, one in metrics.items() if isinstance(one, int | float)}
