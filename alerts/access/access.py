"""Everything that knows who comes in, put together."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from alerts.access.entrance import Entrance
from alerts.access.guesses import Devices, Guesses
from alerts.access.passwords import Passwords
from alerts.access.pseudonyms import Pseudonyms
from alerts.access.second_factor import SecondFactors
from alerts.access.sessions import Sessions
from alerts.access.tokens import Tokens
from alerts.access.users import Users
from alerts.reads import Reads
from alerts.settings import AccessSettings
from alerts.vault import Vault
from foremend.vocabulary.ports import Clock


@dataclass(frozen=True, slots=True)
class Access:
    """On one database, with the installation's key."""

    tokens: Tokens
    users: Users
    factors: SecondFactors
    sessions: Sessions
    entrance: Entrance
    pseudonyms: Pseudonyms
    reads: Reads
    vault: Vault

    def anybody(self) -> bool:
        """Whether there is a credential that opens anything now."""
        return self.tokens.any_live() or self.users.any_can_log_in()


def open_access(engine: Engine, vault: Vault, clock: Clock, settings: AccessSettings | None = None) -> Access:
    """Opens nothing beside `engine`."""
    settings = settings or AccessSettings()
    users = Users(engine, clock, Passwords(), settings.link_lasts)
    sessions = Sessions(engine, clock, settings)
    factors = SecondFactors(engine, vault, clock)
    entrance = Entrance(users, factors, sessions, Devices(vault), Guesses())
    return Access(
        Tokens(engine, clock),
        users,
        factors,
        sessions,
        entrance,
        Pseudonyms(vault),
        Reads(engine, clock),
        vault,
    )
