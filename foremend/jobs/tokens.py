"""`foremend tokens`: making, showing and revoking tokens of programs on an installation's database."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alerts.access.access import Access, open_access
from alerts.access.tokens import Token
from alerts.database import open_database
from alerts.vault import open_vault
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import Right, Role


@contextmanager
def opened(config: Path | None) -> Iterator[Access]:
    """Who comes in at the installation of `config`. Raises what `open_database` and `open_vault` raise."""
    settings = load_settings(config).alerts
    engine = open_database(settings.database)
    try:
        yield open_access(engine, open_vault(settings, os.environ), SystemClock(), settings.access)
    finally:
        engine.dispose()


def create(
    config: Path | None, name: str, role: Role, days: int, only: Sequence[Right] | None, subject: str | None
) -> dict[str, Any]:
    """A token with its text, which nobody can see again."""
    with opened(config) as access:
        token, text = access.tokens.create(name, role, days, by_account(), only or None, subject)
    return _shown(token) | {"token": text}


def every(config: Path | None) -> list[dict[str, Any]]:
    """All tokens, without their texts, which are not kept."""
    with opened(config) as access:
        return [_shown(token) for token in access.tokens.all()]


def revoke(config: Path | None, key: str) -> dict[str, Any]:
    """The token as it is now."""
    with opened(config) as access:
        return _shown(access.tokens.revoke(key, by_account()))


def by_account() -> str:
    """Who acts, for the audit log: the account that calls the command."""
    try:
        return f"account:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return f"account:{os.getuid()}"


def right_of(text: str) -> Right:
    """A right by its name. Raises InputError with those that there are."""
    try:
        return Right(text)
    except ValueError:
        raise InputError(f"{text!r} is no right; there are {', '.join(Right)}") from None


def _shown(token: Token) -> dict[str, Any]:
    return asdict(token) | {"role": token.role.value, "rights": sorted(token.rights)}
