"""`foremend users`: making, showing and changing who may log in. No password passes through here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from alerts.access.users import User
from foremend.config import link_to, load_settings
from foremend.jobs.tokens import by_account, opened
from foremend.vocabulary.rights import Role


def create(config: Path | None, name: str, role: Role, subject: str | None) -> dict[str, Any]:
    """A user with the one-time link, which nobody can see again."""
    with opened(config) as access:
        user, link = access.users.create(name, role, by_account(), subject)
    return _shown(user) | {"link": link_to(load_settings(config).service, link)}


def every(config: Path | None) -> list[dict[str, Any]]:
    """All users."""
    with opened(config) as access:
        return [_shown(user) for user in access.users.all()]


def disable(config: Path | None, name: str) -> dict[str, Any]:
    """The user as it is now; its sessions have ended."""
    with opened(config) as access:
        return _shown(access.users.disable(name, by_account()))


def enable(config: Path | None, name: str) -> dict[str, Any]:
    """The user as it is now."""
    with opened(config) as access:
        return _shown(access.users.enable(name, by_account()))


def change_role(config: Path | None, name: str, role: Role, subject: str | None) -> dict[str, Any]:
    """The user as it is now; its sessions have ended."""
    with opened(config) as access:
        return _shown(access.users.change_role(name, role, by_account(), subject))


def reset(config: Path | None, name: str) -> dict[str, Any]:
    """The user with a new one-time link."""
    with opened(config) as access:
        user, link = access.users.reset(name, by_account())
    return _shown(user) | {"link": link_to(load_settings(config).service, link)}


def sessions(config: Path | None, name: str) -> list[dict[str, Any]]:
    """Where a user is logged in, the newest first."""
    with opened(config) as access:
        found = access.sessions.of(access.users.get(name), None)
    return [{key: value for key, value in asdict(one).items() if key != "is_this"} for one in found]


def end_sessions(config: Path | None, name: str) -> dict[str, Any]:
    """How many sessions of the user ended."""
    with opened(config) as access:
        return {"name": name, "ended": access.users.end_sessions(name, by_account())}


def _shown(user: User) -> dict[str, Any]:
    shown = asdict(user) | {"role": user.role.value, "rights": sorted(user.rights)}
    del shown["epoch"]
    return shown
