"""Sessions with the console: kept here by a digest, asked of the database at each request, ended by a change."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, delete, func, select, update

from alerts.access.refused import Refused
from alerts.access.users import User, digest
from alerts.database import reading, writing
from alerts.settings import AccessSettings
from alerts.tables import SessionRow, UserRow
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import SEES_OTHERS, Caller, Right, Role, rights_of

_SEEN_EVERY_MS = 60_000
_MOST = 20
"""Sessions of one user at once; the oldest end."""
_ID = 16
"""Letters of a digest that name a session."""
_ENDED = "the session has ended: log in again"


@dataclass(frozen=True, slots=True)
class Standing:
    """A session as its user may see it: `id` is of its digest, and opens nothing; times in ms UTC."""

    id: str
    created_at: int
    last_seen: int
    ends_at: int
    is_this: bool


class Sessions:
    """A session's text is 256 random bits, and nothing of it can be had from the database."""

    def __init__(self, engine: Engine, clock: Clock, settings: AccessSettings) -> None:
        self._engine, self._clock = engine, clock
        self._idle, self.longest = settings.session_idle, settings.session_longest
        self._required = settings.second_factor == "required"

    def begin(self, user: User) -> str:
        """The text of a new session. It opens nothing where the user was changed since `user` was read."""
        text, now = secrets.token_urlsafe(32), self._clock.now_ms()
        row = SessionRow(
            id=digest(text),
            user_id=user.id,
            epoch=user.epoch,
            created_at=now,
            last_seen=now,
            expires_at=now + self.longest,
        )
        others = select(SessionRow.id).where(SessionRow.user_id == user.id)
        oldest = others.order_by(SessionRow.created_at.desc(), SessionRow.id).offset(_MOST - 1)
        with writing(self._engine) as session:
            gone = session.scalars(oldest).all()
            session.execute(
                delete(SessionRow).where(SessionRow.id.in_(gone) | (SessionRow.expires_at <= now))
            )
            session.add(row)
            session.execute(update(UserRow).where(UserRow.id == user.id).values(last_login=now))
        return text

    def caller(self, text: str) -> Caller:
        """Whose session it is. Raises Refused for one that has ended, or never was."""
        query = select(SessionRow, UserRow).join(UserRow, UserRow.id == SessionRow.user_id)
        query = query.where(SessionRow.id == digest(text), self._lives())
        with reading(self._engine) as session:
            found = session.execute(query).first()
        if found is None:
            raise Refused(_ENDED)
        mine, user = found
        self._seen(mine, self._clock.now_ms())
        role = Role(user.role)
        owes = (
            self._required and role in SEES_OTHERS and user.issuer is None and user.second_factor_at is None
        )
        rights = rights_of(role, [Right.WORDS] if owes else None)
        subject = user.owner_id or user.technician
        return Caller(f"user:{user.id}", rights, role, subject, user.name, owes)

    def end(self, text: str) -> bool:
        """As its user asks for; one that is not there has ended already. Whether it began by an OpenID provider."""
        its_user = select(UserRow.issuer).join(SessionRow, SessionRow.user_id == UserRow.id)
        with writing(self._engine) as session:
            issuer = session.scalars(its_user.where(SessionRow.id == digest(text))).first()
            session.execute(delete(SessionRow).where(SessionRow.id == digest(text)))
        return issuer is not None

    def of(self, user: User, mine: str | None) -> list[Standing]:
        """Those of a user that open something now, the newest first; `mine` is the text of the one that asks."""
        query = select(SessionRow).join(UserRow, UserRow.id == SessionRow.user_id)
        query = query.where(SessionRow.user_id == user.id, self._lives()).order_by(
            SessionRow.created_at.desc(), SessionRow.id
        )
        own = digest(mine) if mine else ""
        with reading(self._engine) as session:
            return [
                Standing(row.id[:_ID], row.created_at, row.last_seen, row.expires_at, row.id == own)
                for row in session.scalars(query)
            ]

    def end_one(self, user_id: str, key: str) -> bool:
        """The one of a user that `of` calls so; whether there was one."""
        mine = (SessionRow.user_id == user_id) & (func.substr(SessionRow.id, 1, _ID) == key)
        with writing(self._engine) as session:
            return (
                session.scalars(delete(SessionRow).where(mine).returning(SessionRow.id)).first() is not None
            )

    def end_of(self, user_id: str, but: str | None = None) -> int:
        """All of a user's, but the one of this text; how many there were."""
        kept = digest(but) if but else ""
        mine = (SessionRow.user_id == user_id) & (SessionRow.id != kept)
        with writing(self._engine) as session:
            return len(session.scalars(delete(SessionRow).where(mine).returning(SessionRow.id)).all())

    def _lives(self) -> ColumnElement[bool]:
        now = self._clock.now_ms()
        return (
            (SessionRow.expires_at > now) & (SessionRow.last_seen > now - self._idle)
            & (SessionRow.epoch == UserRow.epoch) & UserRow.disabled_at.is_(None)
        )  # fmt: skip

    def _seen(self, row: SessionRow, now: int) -> None:
        """Written once a minute at most; where it cannot be, as on a full disk, the session opens all the same."""
        before = now - _SEEN_EVERY_MS
        if row.last_seen > before:
            return
        stale = (SessionRow.id == row.id) & (SessionRow.last_seen <= before)
        with suppress(UnavailableError), writing(self._engine) as session:
            session.execute(update(SessionRow).where(stale).values(last_seen=now))
