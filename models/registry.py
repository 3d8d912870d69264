"""Trained models on disk: <root>/<appliance model>/<version>/ with the model, its card and a checksum.

Models are stored by skops, not pickle: loading refuses every type that is not on the allow-list, and a file that
does not match the SHA-256 in its card.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import skops.io

from foremend.errors import IntegrityError

TRUSTED_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a data scientist must know about a stored model."""

    appliance_model: str
    version: str
    recipe: str  # what it was trained with, as a fingerprint: another recipe, another model
    feature_names: tuple[str, ...]
    faults: tuple[str, ...]
    trained_on: Mapping[str, Any]  # appliances, days, rows, seed, source
    metrics: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""


class Registry:
    """Versions of the models of every appliance model; the alias `champion` names the one in use."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, card: ModelCard, state: Mapping[str, Any]) -> ModelCard:
        """Store a new version; it is not the champion yet."""
        body = skops.io.dumps(dict(state), compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        sealed = ModelCard(**(asdict(card) | {"sha256": hashlib.sha256(body).hexdigest()}))
        folder = self._root / card.appliance_model / card.version
        temporary = folder.with_name(card.version + ".new")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        (temporary / "model.skops").write_bytes(body)
        (temporary / "card.json").write_text(json.dumps(asdict(sealed), indent=2))
        temporary.rename(folder)
        return sealed

    def promote(self, appliance_model: str, version: str) -> None:
        """Make `version` the champion. Raises IntegrityError when there is no such version."""
        self.card(appliance_model, version)
        alias = self._root / appliance_model / "champion"
        temporary = alias.with_name("champion.new")
        temporary.write_text(version)
        temporary.replace(alias)

    def champion(self, appliance_model: str) -> str | None:
        """The version in use, or None before the first promotion."""
        alias = self._root / appliance_model / "champion"
        return alias.read_text().strip() if alias.exists() else None

    def versions(self, appliance_model: str) -> list[str]:
        """Stored versions, oldest first."""
        folder = self._root / appliance_model
        return sorted(card.parent.name for card in folder.glob("v*/card.json"))

    def next_version(self, appliance_model: str) -> str:
        versions = self.versions(appliance_model)
        number = int(versions[-1].removeprefix("v")) + 1 if versions else 1
        return f"v{number:04d}"

    def card(self, appliance_model: str, version: str) -> ModelCard:
        """Raises IntegrityError when the version is not stored."""
        path = self._root / appliance_model / version / "card.json"
        if not path.exists():
            raise IntegrityError(f"there is no model {version} for {appliance_model} in {self._root}")
        fields = json.loads(path.read_text())
        for name in ("feature_names", "faults"):
            fields[name] = tuple(fields[name])
        return ModelCard(**fields)

    def load(self, appliance_model: str, version: str) -> tuple[ModelCard, dict[str, Any]]:
        """The card and state of a version.

        Raises IntegrityError when the file was altered or holds a type that is not on the allow-list.
        """
        card = self.card(appliance_model, version)
        path = self._root / appliance_model / version / "model.skops"
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != card.sha256:
            raise IntegrityError(
                f"{path} does not match the checksum in its card: do not use it, train again"
            )
        strange = set(skops.io.get_untrusted_types(data=body)) - set(TRUSTED_TYPES)
        if strange:
            raise IntegrityError(f"{path} holds types that models never have: {', '.join(sorted(strange))}")
        return card, skops.io.loads(body, trusted=list(TRUSTED_TYPES))
