"""Everything that knows who comes in, put together."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from alerts.access.pseudonyms import Pseudonyms
from alerts.access.tokens import Tokens
from alerts.vault import Vault
from foremend.vocabulary.ports import Clock


@dataclass(frozen=True, slots=True)
class Access:
    """On one database, with the installation's key."""

    tokens: Tokens
    pseudonyms: Pseudonyms

    def anybody(self) -> bool:
        """Whether there is a credential that opens anything now."""
        return self.tokens.any_live()


def open_access(engine: Engine, vault: Vault, clock: Clock) -> Access:
    """Opens nothing beside `engine`."""
    return Access(Tokens(engine, clock), Pseudonyms(vault))
