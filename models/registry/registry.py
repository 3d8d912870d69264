"""Trained models on disk: <root>/<appliance model>/<version>/ with the model and its card, and aliases beside them.

`aliases.json` of an appliance model names its champion and challenger and every change of them, and is replaced as
one file: whoever reads it sees the state before a promotion or after it. What `foremend evaluate` found last of a
version lies beside its card, which is sealed and stays as it is.
"""

from __future__ import annotations

import errno
import json
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from foremend.vocabulary.durable import replace_atomically, sync_path, write_synced
from foremend.vocabulary.errors import IntegrityError, UnavailableError
from models.registry.card import ModelCard
from models.registry.packing import pack, unpack
from models.registry.sealing import require_intact, require_signature, sealed

__all__ = ["Aliases", "ModelCard", "Promotion", "Registry"]

MODEL_FILE = "model.npz"
EVALUATION_FILE = "evaluation.json"
_VERSION = re.compile(r"v\d{4,}")
_UNFINISHED = ".unfinished-"
_ABANDONED_S = 3_600.0
"""After so long nobody is at work any more on a version that is written within a second."""


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

        Whoever is interrupted leaves no version behind. Raises UnavailableError when the disk refuses, IntegrityError
        for a state that could not be loaded again; nothing of the version is left then.
        """
        return self._store(card, pack(state, f"the state of {card.appliance_model}"))

    def take_over(self, other: Registry, appliance_model: str, version: str) -> ModelCard:
        """Store a version of another registry as a new one of this; it has no alias yet. Returns its card here.

        Raises as `load` of the other and as `add`.
        """
        card = other.card(appliance_model, version)
        return self._store(card, other.body(card))

    def _store(self, card: ModelCard, body: bytes) -> ModelCard:
        home = self._root / card.appliance_model
        folder = home / f"{_UNFINISHED}{uuid4().hex}"
        try:
            folder.mkdir(parents=True)
            _sweep(home)
            write_synced(folder / MODEL_FILE, body)
            return self._named(card, body, folder)
        except OSError as error:
            raise UnavailableError(f"{self._root} cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

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
        card = ModelCard.from_json(path.read_bytes(), str(path))
        if (card.appliance_model, card.version) != (appliance_model, version):
            raise IntegrityError(f"{path} is the card of {card.appliance_model} {card.version}: it was moved")
        require_signature(card, self._key, str(path))
        return card

    def load(self, appliance_model: str, version: str) -> tuple[ModelCard, dict[str, Any]]:
        """The card and state of a version. Raises IntegrityError as `card` and `body` do."""
        card = self.card(appliance_model, version)
        return card, unpack(self.body(card), f"{appliance_model} {version} in {self._root}")

    def body(self, card: ModelCard) -> bytes:
        """The stored state of the version that `card` is of, as bytes. Raises IntegrityError as `require_intact`."""
        path = self._model_file(card)
        if not path.exists():
            earlier = " (an earlier build kept model.skops)" if self.is_outdated(card) else ""
            raise IntegrityError(f"{path} is missing{earlier}: restore it from a backup, or train again")
        body = path.read_bytes()
        require_intact(card, body, self._key, str(path))
        return body

    def is_outdated(self, card: ModelCard) -> bool:
        """Whether an earlier build stored the version that `card` is of, in a form that nobody reads any more."""
        path = self._model_file(card)
        return not path.exists() and path.with_name("model.skops").exists()

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
        replace_atomically(path, json.dumps(live, indent=2).encode())

    def live(self, appliance_model: str) -> dict[str, Any]:
        """What the running pipeline saw last; empty before it saw anything. Raises IntegrityError for what is none."""
        path = self._root / appliance_model / "live.json"
        return _read(path, "remove it, the running pipeline writes it again")

    def note_evaluation(self, appliance_model: str, version: str, evaluation: Mapping[str, Any]) -> None:
        """Keep what `foremend evaluate` found of a stored version; it replaces what was kept.

        Raises UnavailableError when the disk refuses.
        """
        path = self._root / appliance_model / version / EVALUATION_FILE
        try:
            replace_atomically(path, json.dumps(evaluation, indent=2).encode())
        except OSError as error:
            raise UnavailableError(f"{path} cannot be written: {error.strerror}") from error

    def evaluation(self, appliance_model: str, version: str) -> dict[str, Any]:
        """What was last found of a version; empty before it was evaluated. Raises IntegrityError for what is none."""
        path = self._root / appliance_model / version / EVALUATION_FILE
        return _read(path, "remove it, and evaluate the version again")

    def _named(self, card: ModelCard, body: bytes, folder: Path) -> ModelCard:
        """Give what is written in `folder` the next version that is free; two trainers at once get two."""
        home = folder.parent
        number = max((_number(version.name) for version in home.glob("v*")), default=0)
        while True:
            number += 1
            kept = sealed(replace(card, version=f"v{number:04d}"), body, self._key)
            write_synced(folder / "card.json", kept.to_json().encode())
            sync_path(folder)
            try:
                folder.rename(home / kept.version)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                continue
            sync_path(home)
            return kept

    def _model_file(self, card: ModelCard) -> Path:
        return self._root / card.appliance_model / card.version / MODEL_FILE

    def _alias_file(self, appliance_model: str) -> Path:
        return self._root / appliance_model / "aliases.json"

    def _write_aliases(self, appliance_model: str, aliases: Aliases) -> None:
        replace_atomically(self._alias_file(appliance_model), json.dumps(asdict(aliases), indent=2).encode())


def _read(path: Path, mend: str) -> dict[str, Any]:
    """The JSON object in a file that is written anew now and then; empty before it ever was."""
    if not path.exists():
        return {}
    try:
        return dict[str, Any](json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"{path} cannot be read: {mend}") from error


def _sweep(home: Path) -> None:
    """Remove what a trainer left that was killed while it wrote."""
    for folder in home.glob(_UNFINISHED + "*"):
        with suppress(FileNotFoundError):  # whoever is at work on it has just finished
            if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)


def _number(version: str) -> int:
    return int(version.removeprefix("v")) if _VERSION.fullmatch(version) else 0
