"""Policies read from YAML: those shipped, and those of `alerts.policies.folders`, which go first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from alerts.policies.policy import Policy
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ids import nearest
from foremend.vocabulary.schema import read_yaml, validated

_SHIPPED = Path(__file__).parent / "shipped"


class Policies:
    """All policies by name, and which one holds where nobody said."""

    def __init__(self, found: Mapping[str, Policy], default: str) -> None:
        """Raises ConfigError where `default` is none of `found`."""
        self._found = dict(found)
        self.default = self.named(default, "alerts.jurisdiction")

    def named(self, name: str, where: str = "jurisdiction") -> Policy:
        """The policy of that name. Raises ConfigError with the nearest name where there is none."""
        if (policy := self._found.get(name)) is None:
            near = nearest(name, self._found)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(self._found))}"
            raise ConfigError(f"{where}: {name!r} is no policy: {hint}")
        return policy

    def of(self, jurisdiction: str | None) -> Policy:
        """The policy of an appliance: its jurisdiction's, else the default; the strictest where the name is unknown.

        A name in the database may be of a folder that is configured no more: then nothing is allowed by mistake.
        """
        if jurisdiction is None:
            return self.default
        return self._found.get(jurisdiction) or self._found["strict"]

    def all(self) -> list[Policy]:
        return list(self._found.values())

    def names(self) -> list[str]:
        return sorted(self._found)


def load_policies(folders: Iterable[Path] = (), default: str = "household") -> Policies:
    """The shipped policies and those of `folders`, a `NAME.yaml` each; one of the same name takes the place.

    `extends: EU` takes what is not said from another. Raises ConfigError for what is wrong in a file, and for a
    `default` that is none.
    """
    files = _files([_SHIPPED, *folders])
    return Policies({name: _read(name, files) for name in files}, default)


@cache
def _shipped_text(path: Path) -> dict[str, Any]:
    return read_yaml(path)


def _files(folders: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"alerts.policies.folders: {folder} is no folder")
        found.update((path.stem, path) for path in sorted(folder.glob("*.yaml")))
    return found


def _read(name: str, files: Mapping[str, Path]) -> Policy:
    path = files[name]
    policy = validated(Policy, _whole(name, files, ()), str(path))
    if policy.name != name:
        raise ConfigError(f"{path}: name: {policy.name!r} must be the file's name, {name!r}")
    return policy


def _whole(name: str, files: Mapping[str, Path], seen: tuple[str, ...]) -> dict[str, Any]:
    """The file's keys over those of the policy that it extends; a shipped one, where it extends its own name."""
    path = files[name]
    data = dict(_shipped_text(path) if path.parent == _SHIPPED else read_yaml(path))
    base = data.pop("extends", None)
    if base is None:
        return data
    own = base == name and path.parent != _SHIPPED
    if own:
        files = {**files, name: _SHIPPED / f"{name}.yaml"}
    elif base in (*seen, name):
        raise ConfigError(f"{path}: extends: {' -> '.join((*seen, name, base))} is a circle")
    if not isinstance(base, str) or base not in files or not files[base].is_file():
        raise ConfigError(f"{path}: extends: {base!r} is no policy; there are {', '.join(sorted(files))}")
    return _whole(base, files, (*seen, name)) | data
