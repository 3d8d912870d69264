"""Model state as bytes to be trusted: skops instead of pickle, a closed list of types, a checksum, a signature."""

from __future__ import annotations

import hashlib
import hmac
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import skops.io

from foremend.vocabulary.errors import IntegrityError
from models.registry.card import ModelCard

TRUSTED_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Beside what skops itself knows to be harmless (numpy, scikit-learn's estimators)."""


def seal(card: ModelCard, state: Mapping[str, Any], key: bytes | None) -> tuple[ModelCard, bytes]:
    """The card with checksum and, given a `key`, signature; and the bytes they are about.

    Raises IntegrityError when `state` holds a type that could not be loaded again.
    """
    body = skops.io.dumps(dict(state), compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    _require_known_types(body, f"the state of {card.appliance_model} {card.version}")
    sealed = replace(card, sha256=hashlib.sha256(body).hexdigest())
    return (replace(sealed, signature=_signature(sealed, key)) if key else sealed), body


def unseal(card: ModelCard, body: bytes, key: bytes | None, source: str) -> dict[str, Any]:
    """The state in `body`.

    Raises IntegrityError, naming `source`, when body or card were altered, when a `key` is given and the signature is
    missing or another key's, and when the file is of an unknown kind or holds a type that is not on the list.
    """
    require_signature(card, key, source)
    if hashlib.sha256(body).hexdigest() != card.sha256:
        raise IntegrityError(f"{source} does not match the checksum in its card: do not use it, train again")
    _require_known_types(body, source)
    state: dict[str, Any] = skops.io.loads(body, trusted=list(TRUSTED_TYPES))
    return state


def require_signature(card: ModelCard, key: bytes | None, source: str) -> None:
    """Raises IntegrityError when a `key` is given and the card is not signed with it."""
    if key is None:
        return
    if not card.signature:
        raise IntegrityError(
            f"{source} is not signed, but a model key is set: train it again with the key, or unset it"
        )
    if not hmac.compare_digest(card.signature, _signature(card, key)):
        raise IntegrityError(
            f"{source}: the signature does not fit card and key: it was altered or signed with another key"
        )


def _signature(card: ModelCard, key: bytes) -> str:
    return hmac.new(key, card.signed_part(), hashlib.sha256).hexdigest()


def _require_known_types(body: bytes, source: str) -> None:
    try:
        strange = set(skops.io.get_untrusted_types(data=body)) - set(TRUSTED_TYPES)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{source} is not a skops file: do not use it, train again") from error
    if strange:
        raise IntegrityError(f"{source} holds types that models never have: {', '.join(sorted(strange))}")
