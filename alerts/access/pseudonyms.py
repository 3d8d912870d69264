"""Keyed pseudonyms: the same id has the same one, and nobody without the installation's key finds the id behind it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode

from alerts.vault import Vault

_BYTES = 16
"""128 bits: a billion ids have two with one pseudonym once in 10^20 installations."""


class Pseudonyms:
    """Stable while the oldest line of the key stays: a new key on the first line changes none."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derived("pseudonyms")[-1]

    def of(self, kind: str, name: str) -> str:
        """The pseudonym of `name`; two kinds of things never share one."""
        mac = hmac.digest(self._key, f"{kind}\0{name}".encode(), hashlib.sha256)
        return "ps_" + b32encode(mac[:_BYTES]).decode().lower().rstrip("=")
