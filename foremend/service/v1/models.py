"""Trained versions of each appliance model, under `/api/v1`: how they do, what drifts, put in use and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from alerts.change import change
from foremend.learning.versions import Versions
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.v1.evaluations import EvaluationView
from foremend.service.views import Time
from foremend.vocabulary.errors import ConfigError, IntegrityError, RefusedError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Caller, Right
from models.registry.registry import Aliases, ModelCard, Registry

T = TypeVar("T")
_OF_MODELS = Depends(Needs(Right.MODELS))
Changing = Annotated[Caller, Depends(Needs(Right.MODELS_CHANGE))]
Version = Annotated[str, Field(pattern=r"^v\d{4,9}$")]
Figures = dict[str, float | None]


class ModelInList(BaseModel):
    """One appliance model; `drifted`: how many features moved away from what the champion learnt from; `troubles`, in
    words: what of it cannot be read, and is left out."""

    appliance_model: str
    champion: str | None
    challenger: str | None
    versions: int
    made_at: Time | None
    source: str | None
    metrics: Figures
    drifted: int
    troubles: list[str]


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
    leads; `evaluations`: the last of each version that was evaluated; `troubles`, in words: what cannot be read, and
    is left out."""

    appliance_model: str
    champion: str | None
    challenger: str | None
    before_champion: str | None
    versions: list[VersionView]
    evaluations: list[EvaluationView]
    history: list[PromotionView]
    drifted: list[DriftView]
    shadow: ShadowView | None
    troubles: list[str]


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

    def change(self, name: str, asked: RollbackBody, caller: Caller) -> ChangedView:
        """Put the version that is asked for in use, or the one before where none is named.

        Raises what `Versions.promote` and `rollback` raise: what is worse than the champion is put in use by command
        alone.
        """
        who = caller.name or caller.who
        if isinstance(asked, PromotionBody):
            action = "model.promoted"
            done = self.versions.promote(name, asked.version, asked.reason, False, who=who, seen=asked.seen)
        else:
            action, done = (
                "model.rolled_back",
                self.versions.rollback(name, asked.reason, who=who, seen=asked.seen),
            )
        with change(self._engine, self._clock) as work:
            more = {"version": done["champion"], "previous": done["previous"]}
            work.note(action, name, by=caller.who, **more)
        return ChangedView(**done)


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
        """Versions, what it costs where they are wrong, who changed the champion and why, drift, the challenger."""
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
        return _changed(desk, appliance_model, asked, caller)

    @app.post(
        "/api/v1/models/{appliance_model}/rollback",
        tags=["models"],
        operation_id="rollBackModel",
        responses=stated(404, 409),
    )
    def roll_back_model(caller: Changing, appliance_model: str, asked: RollbackBody) -> ChangedView:
        """Return to the champion before this one. 409 where there was none, or the champion changed."""
        return _changed(desk, appliance_model, asked, caller)


def _changed(
    desk: ModelDesk | None, appliance_model: str, asked: RollbackBody, caller: Caller
) -> ChangedView:
    known = _known(desk, appliance_model)
    with _refused():
        return known.change(appliance_model, asked, caller)


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


class _Stored:
    """What is stored of one appliance model: of what is damaged `troubles` tell, and the rest is shown all the same."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry, self._name = registry, name
        self.troubles: list[str] = []
        self.aliases = self._whole("aliases.json", lambda: registry.aliases(name)) or Aliases()
        live = self._whole("live.json", lambda: registry.live(name)) or {}
        self._live = live if live.get("champion") == self.aliases.champion else {}
        self.drifted = self._whole("live.json", lambda: _drifted(self._live)) or []

    def version(self, version: str) -> VersionView | None:
        """None where it cannot be read."""
        read = self._registry.card
        return self._whole(f"{version}/card.json", lambda: _version(read(self._name, version)))

    def evaluation(self, version: str, in_force: Sequence[Mapping[str, Any]]) -> EvaluationView | None:
        """None where it was never evaluated, or that cannot be read; `in_force`: thresholds of now."""

        def read() -> EvaluationView | None:
            kept = self._registry.evaluation(self._name, version)
            return EvaluationView.of(version, kept, in_force) if kept else None

        return self._whole(f"{version}/evaluation.json", read)

    def shadow(self) -> ShadowView | None:
        """Of the challenger of now; None where nothing was seen of it."""
        found = self._whole("live.json", lambda: _counted(self._live.get("shadow")))
        return found if found and found.challenger == self.aliases.challenger else None

    def _whole(self, file: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except IntegrityError as error:
            self.troubles.append(str(error))
        except OSError as error:
            self.troubles.append(f"{file} of {self._name} cannot be read: {error.strerror}")
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
            self.troubles.append(f"{file} of {self._name} is not as this build writes it")
        return None


def _short(versions: Versions, name: str) -> ModelInList:
    stored = _Stored(versions.registry, name)
    aliases = stored.aliases
    champion = stored.version(aliases.champion) if aliases.champion else None
    source = champion.trained_on.get("source") if champion else None
    return ModelInList(
        appliance_model=name,
        champion=aliases.champion,
        challenger=aliases.challenger,
        versions=len(versions.registry.versions(name)),
        made_at=champion.made_at if champion else None,
        source=None if source is None else str(source),
        metrics=champion.metrics if champion else {},
        drifted=len(stored.drifted),
        troubles=stored.troubles,
    )


def _whole(versions: Versions, name: str) -> ModelView:
    stored = _Stored(versions.registry, name)
    aliases = stored.aliases
    names = versions.registry.versions(name)
    found = [stored.version(one) for one in reversed(names)]
    in_force = versions.thresholds(name)
    evaluated = [stored.evaluation(one, in_force) for one in reversed(names)]
    if aliases.champion is not None and aliases.champion not in names:
        stored.version(aliases.champion)  # tells that it is gone
    return ModelView(
        appliance_model=name,
        champion=aliases.champion,
        challenger=aliases.challenger,
        before_champion=aliases.before_champion,
        versions=[one for one in found if one],
        evaluations=[one for one in evaluated if one],
        history=[PromotionView(**asdict(one)) for one in reversed(aliases.history)],
        drifted=stored.drifted,
        shadow=stored.shadow(),
        troubles=stored.troubles,
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


def _drifted(live: Mapping[str, Any]) -> list[DriftView]:
    return [DriftView(feature=feature, **one) for feature, one in live.get("drifted", {}).items()]


def _counted(shadow: dict[str, Any] | None) -> ShadowView | None:
    """Which appliances they are is nobody's matter here."""
    if not shadow:
        return None
    alone = ("opened_by_champion_only", "opened_by_challenger_only")
    return ShadowView(**{**shadow, **{name: len(shadow[name]) for name in alone}})


def _figures(metrics: Mapping[str, Any]) -> Figures:
    return {name: one for name, one in metrics.items() if isinstance(one, int | float)}
