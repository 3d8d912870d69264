"""Profiles: the YAML descriptions of appliance models, bundled here or in folders that config.yaml names.

`<folder>/<appliance-model>.yaml` describes one appliance model. Where it says `extends: refrigerator`, it is laid
over `base/refrigerator.yaml` of its own folder or else of this one: mappings merge key by key, anything else
replaces what the base says, and a key set to null removes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.ids import nearest
from foremend.vocabulary.profiles.profile import WORDS, Profile, Watch
from foremend.vocabulary.profiles.signals import Cycle, Signal, Title
from foremend.vocabulary.profiles.states import State, States, While
from foremend.vocabulary.schema import read_yaml, validated

__all__ = [
    "WORDS",
    "Cycle",
    "Profile",
    "Signal",
    "State",
    "States",
    "Title",
    "Watch",
    "While",
    "load_profile",
    "load_profiles",
    "merged",
    "profile_of",
    "read_profiles",
    "require_model",
]

BUNDLED = Path(__file__).parent


def load_profiles(folders: Iterable[Path] = ()) -> dict[str, Profile]:
    """The bundled profiles and those of `folders`, by name; a later folder replaces a name of an earlier one.

    Raises ConfigError when a folder is missing or profiles are wrong; a line each names file and key.
    """
    profiles, wrong = read_profiles(folders)
    if wrong:
        raise ConfigError("\n".join(str(error) for error in wrong.values()))
    return profiles


@cache
def _bundled() -> tuple[Mapping[str, Profile], Mapping[Path, ConfigError]]:
    """What comes with Foremend is read once by a process: fifteen files take 0.1 s."""
    return _read((BUNDLED,))


def read_profiles(folders: Iterable[Path] = ()) -> tuple[dict[str, Profile], dict[Path, ConfigError]]:
    """As `load_profiles`: the profiles that can be used, and what is wrong with the files and folders that cannot."""
    profiles, wrong = _read(folders)
    own, of_own = _bundled()
    return {**own, **profiles}, {**of_own, **wrong}


def _read(folders: Iterable[Path]) -> tuple[dict[str, Profile], dict[Path, ConfigError]]:
    profiles: dict[str, Profile] = {}
    wrong: dict[Path, ConfigError] = {}
    for folder in folders:
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


def profile_of(profiles: Mapping[str, Profile], appliance_model: str) -> Profile:
    """One of `profiles`. Raises ConfigError, with those there are."""
    if appliance_model not in profiles:
        raise ConfigError(f"no appliance model {appliance_model!r}: choose from {', '.join(profiles)}")
    return profiles[appliance_model]


def require_model(appliance_model: str, models: Collection[str]) -> str:
    """`appliance_model` itself. Raises InputError where it is none of `models`, with the nearest of them."""
    if appliance_model in models:
        return appliance_model
    near = nearest(appliance_model, models)
    raise InputError(
        f"{appliance_model!r} is no appliance model{f': did you mean {near!r}?' if near else ''}"
    )


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
