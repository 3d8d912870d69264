"""Trained models on disk: <root>/<appliance model>/<version>/ with the model and its card, and aliases beside them.

`aliases.json` of an appliance model names its champion and challenger and every change of them, and is replaced as
one file: whoever reads it sees the state before a promotion or after it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from foremend.vocabulary.errors import IntegrityError, UnavailableError
from models.registry.card import ModelCard
from models.registry.sealing import require_signature, seal, unseal

__all__ = ["Aliases", "ModelCard", "Promotion", "Registry"]

_VERSION = re.compile(r"v\d{4,}")


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the champion: who did it, when (ms UTC) and why.

    >>> change = Promotion("promoted", "v0002", "v0001", 1_790_000_000_000, who="li.wei", why="it finds more leaks")
    >>> f"{change.who} {change.action} {change.version} in the place of {change.previous}: {change.why}"
    'li.wei promoted v0002 in the place of v0001: it finds more leaks'
    """

    action: Literal["promoted", "rolled-back"]
    version: str
    previous: str | None
    at: int
    who: str
    why: str
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Aliases:
    """Which versions of an appliance model are in use, and how it came to that, oldest change first.

    >>> first = Promotion("promoted", "v0001", None, 1_780_000_000_000, "li.wei", "the first one")
    >>> second = Promotion("promoted", "v0002", "v0001", 1_790_000_000_000, "li.wei", "it finds more leaks")
    >>> Aliases(champion="v0002", challenger=None, history=(first, second)).before_champion
    'v0001'
    """

    champion: str | None = None
    challenger: str | None = None
    history: tuple[Promotion, ...] = ()

    @property
    def before_champion(self) -> str | None:
        """The version that a rollback returns to; None where there is none."""
        stack: list[str] = []
        for change in self.history:
            if change.action == "promoted":
                stack.append(change.version)
            else:
                stack.pop()
        return stack[-2] if len(stack) > 1 else None


class Registry:
    """Keeps trained models on disk, version by version, and says which one each appliance model uses.

    root: the folder. key: where it is given, every version is signed with it when it is stored, and one that is not is
    refused.

    >>> from tempfile import TemporaryDirectory
    >>> card = ModelCard("rf-260", "recipe-7", ("siblings.duty",), ("refrigerant-leak",), {"source": "practice"})
    >>> with TemporaryDirectory() as folder:
    ...     registry = Registry(Path(folder), key=b"a secret of this installation")
    ...     stored = registry.add(card, {"threshold": 0.4})
    ...     registry.promote("rf-260", stored.version, who="li.wei", why="the first one", at=1_790_000_000_000)
    ...     registry.champion("rf-260"), registry.load("rf-260", "v0001")[1]
    ('v0001', {'threshold': 0.4})
    """

    def __init__(self, root: Path, key: bytes | None = None) -> None:
        self._root = root
        self._key = key

    def add(self, card: ModelCard, state: Mapping[str, Any]) -> ModelCard:
        """Store a new version; it has no alias yet. Returns the card with its version and seals.

        Raises UnavailableError when the disk refuses, IntegrityError for a state that could not be loaded again;
        nothing of the version is left then.
        """
        try:
            folder = self._claim(card.appliance_model)
        except OSError as error:
            raise UnavailableError(f"{self._root} cannot be written: {error.strerror}") from error
        try:
            sealed, body = seal(replace(card, version=folder.name), state, self._key)
            (folder / "model.skops").write_bytes(body)
            _replace(folder / "card.json", sealed.to_json())  # last: without a card there is no version
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise UnavailableError(f"{folder} cannot be written: {error.strerror}") from error
        except IntegrityError:
            folder.rmdir()
            raise
        return sealed

    def appliance_models(self) -> list[str]:
        """Those with at least one version, by name."""
        return sorted({card.parent.parent.name for card in self._root.glob("*/v*/card.json")})

    def versions(self, appliance_model: str) -> list[str]:
        """Stored versions, oldest first."""
        found = [card.parent.name for card in (self._root / appliance_model).glob("v*/card.json")]
        return sorted(found, key=_number)

    def card(self, appliance_model: str, version: str) -> ModelCard:
        """Raises IntegrityError when the version is not stored, or not signed though a key is set."""
        path = self._root / appliance_model / version / "card.json"
        if not _VERSION.fullmatch(version) or not path.exists():
            known = ", ".join(self.versions(appliance_model)) or "none"
            raise IntegrityError(
                f"there is no model {version} of {appliance_model} in {self._root}; stored: {known}"
            )
        card = ModelCard.from_json(path.read_text(), str(path))
        if (card.appliance_model, card.version) != (appliance_model, version):
            raise IntegrityError(f"{path} is the card of {card.appliance_model} {card.version}: it was moved")
        require_signature(card, self._key, str(path))
        return card

    def load(self, appliance_model: str, version: str) -> tuple[ModelCard, dict[str, Any]]:
        """The card and state of a version. Raises IntegrityError as `card` and `models.registry.sealing.unseal` do."""
        card = self.card(appliance_model, version)
        path = self._root / appliance_model / version / "model.skops"
        if not path.exists():
            raise IntegrityError(f"{path} is missing: restore it from a backup, or train again")
        return card, unseal(card, path.read_bytes(), self._key, str(path))

    def aliases(self, appliance_model: str) -> Aliases:
        """Champion, challenger and history; all empty before the first promotion."""
        path = self._alias_file(appliance_model)
        if not path.exists():
            return Aliases()
        try:
            data = json.loads(path.read_text())
            changes = tuple(Promotion(**change) for change in data["history"])
            return Aliases(data["champion"], data["challenger"], changes)
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(f"{path} cannot be read: restore it from a backup") from error

    def champion(self, appliance_model: str) -> str | None:
        """The version in use, or None before the first promotion."""
        return self.aliases(appliance_model).champion

    def challenge(self, appliance_model: str, version: str) -> None:
        """Let `version` run in the champion's shadow. Raises IntegrityError when there is no such version."""
        self.card(appliance_model, version)
        self._write_aliases(appliance_model, replace(self.aliases(appliance_model), challenger=version))

    def promote(
        self, appliance_model: str, version: str, *, who: str, why: str, at: int, forced: bool = False
    ) -> None:
        """Make `version` the champion; `at` ms UTC. Raises IntegrityError when it is not stored or not intact."""
        self.load(appliance_model, version)
        now = self.aliases(appliance_model)
        change = Promotion("promoted", version, now.champion, at, who, why, forced)
        challenger = None if now.challenger == version else now.challenger
        self._write_aliases(appliance_model, Aliases(version, challenger, (*now.history, change)))

    def rollback(self, appliance_model: str, *, who: str, why: str, at: int) -> str:
        """Return to the champion before this one; `at` ms UTC. Raises IntegrityError when there was none."""
        now = self.aliases(appliance_model)
        before = now.before_champion
        if before is None:
            raise IntegrityError(
                f"{appliance_model} has had no other champion: there is nothing to go back to"
            )
        self.load(appliance_model, before)
        change = Promotion("rolled-back", before, now.champion, at, who, why)
        self._write_aliases(appliance_model, Aliases(before, now.challenger, (*now.history, change)))
        return before

    def note_live(self, appliance_model: str, live: Mapping[str, Any]) -> None:
        """Keep what the running pipeline saw of drift and of the challenger; it replaces what was kept."""
        path = self._root / appliance_model / "live.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, json.dumps(live, indent=2))

    def live(self, appliance_model: str) -> dict[str, Any]:
        """What the running pipeline saw last; empty before it saw anything."""
        path = self._root / appliance_model / "live.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _claim(self, appliance_model: str) -> Path:
        """A new folder of the next version; two trainers at once get two."""
        home = self._root / appliance_model
        home.mkdir(parents=True, exist_ok=True)
        number = max((_number(folder.name) for folder in home.glob("v*")), default=0)
        while True:
            number += 1
            try:
                (folder := home / f"v{number:04d}").mkdir()
            except FileExistsError:
                continue
            return folder

    def _alias_file(self, appliance_model: str) -> Path:
        return self._root / appliance_model / "aliases.json"

    def _write_aliases(self, appliance_model: str, aliases: Aliases) -> None:
        _replace(self._alias_file(appliance_model), json.dumps(asdict(aliases), indent=2))


def _number(version: str) -> int:
    return int(version.removeprefix("v")) if _VERSION.fullmatch(version) else 0


def _replace(path: Path, text: str) -> None:
    """Readers see the old file or the new one. OSError leaves the old one and nothing else."""
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
