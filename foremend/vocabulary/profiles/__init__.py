"""Profiles: the YAML descriptions of appliance models, bundled here or in folders that config.yaml names.

`<folder>/<appliance-model>.yaml` describes one appliance model. Where it says `extends: refrigerator`, it is laid
over `base/refrigerator.yaml` of its own folder or else of this one: mappings merge key by key, anything else
replaces what the base says, and a key set to null removes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import DurationMs, KebabName, Strict, read_yaml, validated

BUNDLED = Path(__file__).parent
_LOAD, _NOMINAL_V = ("power", "current"), 230.0


class Title(Strict):
    """A name people read, in the languages Foremend speaks."""

    en: str
    zh: str


class Signal(Strict):
    """One measured quantity. Values outside `min`..`max` cannot be true and are dead-lettered."""

    unit: str
    min: float
    max: float
    kind: Literal["gauge", "counter"] = "gauge"
    resolution: float | None = Field(default=None, gt=0)  # smallest step the sensor can tell, in `unit`

    @model_validator(mode="after")
    def _min_is_below_max(self) -> Signal:
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} must be below max {self.max:g}")
        return self


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


class Cycle(Strict):
    """Which signal shows that the compressor or motor runs; of several, the first one that a reading has.

    Runs are told by levels that are learnt for each appliance: of one signal, or of power and current, of which either
    will do. Where `above` gives a value for each signal (in its unit), they are told by those: running from there on,
    off below half of it.
    """

    signal: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    above: Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_as_list)] = ()

    @model_validator(mode="after")
    def _signals_can_be_compared(self) -> Cycle:
        if self.above and len(self.above) != len(self.signal):
            raise ValueError(f"above: write a value for each of {', '.join(self.signal)}")
        if not self.above and len(self.signal) > 1 and self.signal != _LOAD:
            raise ValueError(f"signal: write one, or {', '.join(_LOAD)}, or 'above' with a value for each")
        return self

    @property
    def scales(self) -> tuple[float, ...]:
        """What each signal is multiplied by to stand for the first one."""
        if self.above:
            return tuple(self.above[0] / limit for limit in self.above)
        return (1.0, _NOMINAL_V)[: len(self.signal)]


class While(Strict):
    """A gauge that must be above a value (in its unit)."""

    signal: str
    above: float


class State(Strict):
    """One state of the appliance and what is measured in it, on every day; see models.stream.states.

    `mean` names gauges or differences of two ('indoor_coil_temp - room_temp'), `peak` and `low` gauges whose highest
    or lowest value a stay counts, `rate` gauges whose change a minute counts, `range` gauges whose highest value of the
    day less the lowest counts. `settle` at the beginning of each stay is left out, and so is a day with less than
    `at_least` in the state; both not for `peak` and `low`. `like` names another state in which a fault
    shows in the same measures (cooling, for heating), of which those `turned` move the other way round.
    `title` completes a sentence such as 'power ...': 'while cooling'.
    """

    title: Title
    code: int
    only_while: While | None = None
    settle: DurationMs = Field(default=0, ge=0)
    at_least: DurationMs = Field(default=0, ge=0)
    mean: tuple[str, ...] = ()
    peak: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    rate: tuple[str, ...] = ()
    range: tuple[str, ...] = ()
    like: str | None = None
    turned: tuple[str, ...] = ()

    @property
    def measures(self) -> Iterator[tuple[str, str]]:
        """(suffix of the daily feature, expression) of everything measured."""
        for suffix, expressions in (
            ("", self.mean),
            ("_peak", self.peak),
            ("_low", self.low),
            ("_rate", self.rate),
            ("_range", self.range),
        ):
            yield from ((suffix, expression) for expression in expressions)


class States(Strict):
    """Which signal tells the state, and the states worth measuring in, by name."""

    signal: str
    named: Annotated[dict[Annotated[str, Field(pattern="^[a-z][a-z_]*$")], State], Field(min_length=1)]


class Watch(Strict):
    """How appliances are watched by their own past, for a model that nothing was trained for.

    `rows`: `readings` for machines that must be right at every moment, `hours` for what a household uses as it likes.
    `signals`: the gauges to look at; all of them where it is left out.
    """

    rows: Literal["readings", "hours"]
    signals: tuple[str, ...] = ()


class Profile(Strict):
    """One appliance model. `name` is the `{appliance_model}` of its topics: lower case, digits and dashes."""

    name: KebabName
    category: str
    title: Title
    extends: str | None = None
    signals: Annotated[dict[str, Signal], Field(min_length=1)]
    cycle: Cycle | None = None
    states: States | None = None
    faults: tuple[str, ...] = ()
    sample_period: DurationMs | None = Field(default=None, gt=0)
    watch: Watch | None = None

    @model_validator(mode="after")
    def _cycle_signals_exist(self) -> Profile:
        missing = [name for name in (self.cycle.signal if self.cycle else ()) if name not in self.signals]
        if missing:
            raise ValueError(
                f"cycle.signal {', '.join(missing)} is not among signals: {', '.join(self.signals)}"
            )
        return self

    @model_validator(mode="after")
    def _states_measure_gauges(self) -> Profile:
        gauges = {name for name, signal in self.signals.items() if signal.kind == "gauge"}
        missing = [name for name in _measured(self.states) if name not in gauges]
        if missing:
            raise ValueError(
                f"states: {', '.join(missing)} is not among the gauges: {', '.join(sorted(gauges))}"
            )
        return self

    @model_validator(mode="after")
    def _states_are_like_others(self) -> Profile:
        named = self.states.named if self.states else {}
        unknown = [state.like for state in named.values() if state.like and state.like not in named]
        if unknown:
            raise ValueError(f"states: like: {', '.join(unknown)} is no state: {', '.join(named)}")
        return self

    @model_validator(mode="after")
    def _watched_signals_are_gauges(self) -> Profile:
        wrong = [name for name in self.watched if name not in self.signals or name in self.counters]
        if wrong:
            raise ValueError(f"watch.signals: {', '.join(wrong)} is no gauge among signals")
        return self

    @property
    def units(self) -> dict[str, str]:
        """Signal name -> unit."""
        return {name: signal.unit for name, signal in self.signals.items()}

    @property
    def counters(self) -> tuple[str, ...]:
        """The signals that only count up, but for resets."""
        return tuple(name for name, signal in self.signals.items() if signal.kind == "counter")

    @property
    def watched(self) -> tuple[str, ...]:
        """The gauges that `watch` looks at; empty without it."""
        if self.watch is None:
            return ()
        return self.watch.signals or tuple(name for name in self.signals if name not in self.counters)

    @property
    def cycle_signals(self) -> tuple[str, ...]:
        """The signals that show runs; empty where there are none."""
        return self.cycle.signal if self.cycle else ()


def _measured(states: States | None) -> list[str]:
    """Every gauge that states speak of."""
    if states is None:
        return []
    named = states.named.values()
    expressions = [expression for state in named for _, expression in state.measures]
    gates = [state.only_while.signal for state in named if state.only_while]
    return [states.signal, *gates, *(name for e in expressions for name in e.split(" - "))]


def load_profiles(folders: Iterable[Path] = ()) -> dict[str, Profile]:
    """The bundled profiles and those of `folders`, by name; a later folder replaces a name of an earlier one.

    Raises ConfigError when a folder is missing or profiles are wrong; a line each names file and key.
    """
    profiles, wrong = read_profiles(folders)
    if wrong:
        raise ConfigError("\n".join(str(error) for error in wrong.values()))
    return profiles


def read_profiles(folders: Iterable[Path] = ()) -> tuple[dict[str, Profile], dict[Path, ConfigError]]:
    """As `load_profiles`: the profiles that can be used, and what is wrong with the files and folders that cannot."""
    profiles: dict[str, Profile] = {}
    wrong: dict[Path, ConfigError] = {}
    for folder in (BUNDLED, *folders):
        if not folder.is_dir():
            wrong[folder] = ConfigError(
                f"{folder} is not a folder: profiles.folders must name folders with profile files"
            )
        for path in sorted(folder.glob("*.yaml")):
            try:
                profiles[path.stem] = load_profile(path)
            except ConfigError as error:
                wrong[path] = error
    return profiles, wrong


def load_profile(path: Path) -> Profile:
    """The profile in `path`, laid over the base it extends. Raises ConfigError as `load_profiles` does."""
    own = read_yaml(path)
    base = _base(own["extends"], path) if "extends" in own else {}
    profile = validated(Profile, merged(base, own), str(path))
    if profile.name != path.stem:
        raise ConfigError(f"{path}: name: '{profile.name}' must be the file's own name, '{path.stem}'")
    return profile


def _base(name: object, path: Path, within: tuple[object, ...] = ()) -> dict[str, Any]:
    """The base profile `name` of `path`, laid over the one it extends itself, if any; `within` are those around it."""
    if name in within:
        raise ConfigError(
            f"{path}: extends: '{name}' extends itself: {' > '.join(map(str, (*within, name)))}"
        )
    for folder in (path.parent, BUNDLED):
        candidate = folder / "base" / f"{name}.yaml"
        if candidate.is_file():
            base = read_yaml(candidate)
            below = _base(base["extends"], path, (*within, name)) if "extends" in base else {}
            return merged(below, base)
    known = ", ".join(sorted(found.stem for found in (BUNDLED / "base").glob("*.yaml"))) or "none"
    raise ConfigError(f"{path}: extends: there is no base profile '{name}'; bundled ones: {known}")


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: mappings merge, other values replace, None removes."""
    result = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result
