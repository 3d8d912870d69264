"""Profiles: the YAML descriptions of appliance models, bundled here or in folders that config.yaml names.

`<folder>/<appliance-model>.yaml` describes one appliance model. Where it says `extends: refrigerator`, it is laid
over `base/refrigerator.yaml` of its own folder or else of this one: mappings merge key by key, anything else
replaces what the base says, and a key set to null removes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from foremend.errors import ConfigError
from foremend.schema import DurationMs, KebabName, Strict, read_yaml, validated

BUNDLED = Path(__file__).parent


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
    return [value] if isinstance(value, str) else value


class Cycle(Strict):
    """Which signal shows the compressor or motor run; of several, the first one that an appliance reports."""

    signal: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Profile(Strict):
    """One appliance model. `name` is the `{appliance_model}` of its topics: lower case, digits and dashes."""

    name: KebabName
    category: str
    title: Title
    extends: str | None = None
    signals: Annotated[dict[str, Signal], Field(min_length=1)]
    cycle: Cycle | None = None
    faults: tuple[str, ...] = ()
    sample_period: DurationMs | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _cycle_signals_exist(self) -> Profile:
        missing = [name for name in (self.cycle.signal if self.cycle else ()) if name not in self.signals]
        if missing:
            raise ValueError(
                f"cycle.signal {', '.join(missing)} is not among signals: {', '.join(self.signals)}"
            )
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
    def cycle_signals(self) -> tuple[str, ...]:
        """The signals that show runs, the preferred one first; empty where there are none."""
        return self.cycle.signal if self.cycle else ()


def load_profiles(folders: Iterable[Path] = ()) -> dict[str, Profile]:
    """The bundled profiles and those of `folders`, by name; a later folder replaces a name of an earlier one.

    Raises ConfigError when a folder is missing or a profile is wrong; the sentence names file and key.
    """
    profiles: dict[str, Profile] = {}
    for folder in (BUNDLED, *folders):
        if not folder.is_dir():
            raise ConfigError(
                f"{folder} is not a folder: profiles.folders must name folders with profile files"
            )
        for path in sorted(folder.glob("*.yaml")):
            profiles[path.stem] = load_profile(path)
    return profiles


def load_profile(path: Path) -> Profile:
    """The profile in `path`, laid over the base it extends. Raises ConfigError as `load_profiles` does."""
    own = read_yaml(path)
    base = _base(own["extends"], path) if "extends" in own else {}
    profile = validated(Profile, merged(base, own), str(path))
    if profile.name != path.stem:
        raise ConfigError(f"{path}: name: '{profile.name}' must be the file's own name, '{path.stem}'")
    return profile


def _base(name: object, path: Path) -> dict[str, Any]:
    for folder in (path.parent, BUNDLED):
        candidate = folder / "base" / f"{name}.yaml"
        if candidate.is_file():
            return read_yaml(candidate)
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
