"""Tokens of programs: shown once, kept as a hash, with an end, gone at once in every process when revoked.

A token is 256 random bits, so SHA-256 is enough: nobody can guess it faster by hashing faster. Argon2 is for passwords,
which people choose; here it would cost 50 ms of every request and protect nothing (docs/decisions/0046).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from alerts.access.refused import Refused
from alerts.change import change
from alerts.database import reading, writing
from alerts.tables import AccessTokenRow
from alerts.wording import iso
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Caller, Right, Rights, Role, require_subject, rights_of
from foremend.vocabulary.types import MS_PER_DAY

_SHAPE = re.compile(r"fmd_([a-z2-7]{12})_([0-9a-f]{64})")
_USED_EVERY_MS = 60_000
LONGEST_DAYS = 3_660


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; times in ms UTC."""

    id: str
    name: str
    role: Role
    rights: Rights
    subject: str | None
    created_at: int
    expires_at: int
    revoked_at: int | None
    last_used: int | None


class Tokens:
    """Makes, lists, revokes and knows them again."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def create(
        self,
        name: str,
        role: Role,
        days: int,
        by: str,
        only: Collection[Right] | None = None,
        subject: str | None = None,
    ) -> tuple[Token, str]:
        """A new token, and its text: nobody can see that again.

        Raises InputError for a right that the role has not, a missing owner or technician, or an end out of bounds.
        """
        require_subject(role, subject)
        rights = rights_of(role, only)
        if not 1 <= days <= LONGEST_DAYS:
            raise InputError(f"a token for {days} days: from 1 to {LONGEST_DAYS} can be said")
        key = b32encode(secrets.token_bytes(8)).decode().lower()[:12]
        secret = secrets.token_hex(32)
        with change(self._engine, self._clock) as work:
            row = AccessTokenRow(
                id=key,
                name=name,
                role=role,
                rights=None if only is None else " ".join(sorted(rights)),
                owner_id=subject if role is Role.OWNER else None,
                technician=subject if role is Role.TECHNICIAN else None,
                digest=_digest(secret),
                created_at=work.at,
                expires_at=work.at + days * MS_PER_DAY,
            )
            work.session.add(row)
            work.session.flush()
            work.note(
                "token.created", key, by=by, role=role, rights=sorted(rights), expires_at=row.expires_at
            )
            token = _token(row)
        return token, f"fmd_{key}_{secret}"

    def all(self) -> list[Token]:
        """The newest first, those that ended too."""
        query = select(AccessTokenRow).order_by(AccessTokenRow.created_at.desc(), AccessTokenRow.id)
        with reading(self._engine) as session:
            return [_token(row) for row in session.scalars(query)]

    def any_live(self) -> bool:
        """Whether one opens anything now."""
        now = self._clock.now_ms()
        live = (AccessTokenRow.revoked_at.is_(None)) & (AccessTokenRow.expires_at > now)
        with reading(self._engine) as session:
            return session.scalars(select(AccessTokenRow.id).where(live).limit(1)).first() is not None

    def revoke(self, key: str, by: str) -> Token:
        """From its commit on, no process takes the token. Raises InputError for one that is not there."""
        with change(self._engine, self._clock) as work:
            row = work.session.get(AccessTokenRow, key)
            if row is None:
                raise InputError(f"there is no token {key!r}; `foremend tokens list` shows them")
            if row.revoked_at is None:
                row.revoked_at = work.at
                work.note("token.revoked", key, by=by)
            return _token(row)

    def caller(self, presented: str) -> Caller:
        """Whose token it is. Raises Refused with the reason, the same for a wrong secret and a wrong id."""
        found = _SHAPE.fullmatch(presented)
        row = self._row(found[1]) if found else None
        if found is None or row is None or not hmac.compare_digest(row.digest, _digest(found[2])):
            raise Refused("there is no such token")
        now = self._clock.now_ms()
        if row.revoked_at is not None:
            raise Refused(f"the token was revoked at {iso(row.revoked_at)}")
        if row.expires_at <= now:
            raise Refused(f"the token ended at {iso(row.expires_at)}: make another one")
        self._used(row, now)
        token = _token(row)
        return Caller(f"token:{token.id}", token.rights, token.role, token.subject)

    def _row(self, key: str) -> AccessTokenRow | None:
        with reading(self._engine) as session:
            return session.get(AccessTokenRow, key)

    def _used(self, row: AccessTokenRow, now: int) -> None:
        """Written once a minute at most, whoever uses it; where it cannot be, as on a full disk, the token opens all
        the same."""
        before = now - _USED_EVERY_MS
        if row.last_used is not None and row.last_used > before:
            return
        stale = (AccessTokenRow.last_used.is_(None)) | (AccessTokenRow.last_used <= before)
        with suppress(UnavailableError), writing(self._engine) as session:
            session.execute(
                update(AccessTokenRow).where(AccessTokenRow.id == row.id, stale).values(last_used=now)
            )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: AccessTokenRow) -> Token:
    """A right that its role lost since is not the token's any more."""
    role = Role(row.role)
    rights = rights_of(role)
    if row.rights is not None:
        rights = {right: reach for right, reach in rights.items() if right in row.rights.split()}
    return Token(
        row.id,
        row.name,
        role,
        rights,
        row.owner_id or row.technician,
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.last_used,
    )
