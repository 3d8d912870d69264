"""Model state as bytes to be trusted: no pickle, a checksum, and a signature where a key is set."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from foremend.vocabulary.errors import IntegrityError
from models.registry.card import ModelCard


def sealed(card: ModelCard, body: bytes, key: bytes | None) -> ModelCard:
    """The card with the checksum of `body` and, given a `key`, the signature."""
    checked = replace(card, sha256=hashlib.sha256(body).hexdigest(), signature="")
    return replace(checked, signature=_signature(checked, key)) if key else checked


def require_intact(card: ModelCard, body: bytes, key: bytes | None, source: str) -> None:
    """Raises IntegrityError, naming `source`, when `body` is not what the card is about, or as `require_signature`."""
    require_signature(card, key, source)
    if hashlib.sha256(body).hexdigest() != card.sha256:
        raise IntegrityError(f"{source} does not match the checksum in its card: do not use it, train again")


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
