"""The card of a stored model: what it is, what it learnt from and how it did, in one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from foremend.vocabulary.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a data scientist must know about a stored model.

    The registry gives `version`, `sha256` and `signature`; everything else is the trainer's.

    >>> rows = {"source": "history", "appliances": 120, "days": 170, "rows": 9_400, "seed": 1}
    >>> card = ModelCard("rf-260", "recipe-7", ("siblings.duty",), ("refrigerant-leak",), trained_on=rows)
    >>> ModelCard.from_json(card.to_json(), "card.json") == card
    True
    >>> card.version  # the registry gives it one
    ''
    """

    appliance_model: str
    recipe: str  # what it was trained with, as a fingerprint: another recipe, another model
    feature_names: tuple[str, ...]
    faults: tuple[str, ...]
    trained_on: Mapping[str, Any]  # source, appliances, days, rows, seed
    metrics: Mapping[str, Any] = field(default_factory=dict)  # on rows that it did not learn from
    libraries: Mapping[str, str] = field(default_factory=dict)
    data: str = ""  # SHA-256 of the rows it learnt from
    made_at: int = 0  # ms UTC
    version: str = ""
    sha256: str = ""  # of the stored state
    signature: str = ""  # HMAC-SHA256 over all of the above; empty where no key was set

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def signed_part(self) -> bytes:
        """Everything but the signature, in one spelling."""
        return json.dumps(asdict(replace(self, signature="")), sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> ModelCard:
        """Raises IntegrityError, naming `source`, when `text` is not a card."""
        try:
            fields = json.loads(text)
            for name in ("feature_names", "faults"):
                fields[name] = tuple(fields[name])
            for name in ("trained_on", "metrics", "libraries"):
                fields[name] = dict(fields.get(name, {}))
            fields["made_at"] = int(fields.get("made_at", 0))
            return cls(**fields)
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(f"{source} is not a model card: {error}; train again") from error
