"""Users: who may come in with a password, or through an organisation's own login. Made and changed by whoever may.

A password is set by its user alone, by a link that holds once and not for long; nobody else ever sees or types it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from base64 import b32encode
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from alerts.access.openid import Arrival
from alerts.access.passwords import Passwords, require_password
from alerts.access.refused import Refused, Strayed
from alerts.change import Change, change
from alerts.database import insert_new, reading, writing
from alerts.tables import LoginLinkRow, RecoveryCodeRow, SecondFactorRow, SessionRow, UserRow
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.ids import unknown
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Rights, Role, require_subject, rights_of

FIRST = "admin"
_NAME = re.compile(r"[\w.@+-]{1,64}")
_WRONG = "the name or the password is wrong"


@dataclass(frozen=True, slots=True)
class User:
    """What is kept of a user; times in ms UTC."""

    id: str
    name: str
    role: Role
    subject: str | None
    has_password: bool
    epoch: int
    created_at: int
    disabled_at: int | None
    last_login: int | None
    issuer: str | None = None
    """Of the OpenID provider that this one comes by; None for whoever has a password."""
    second_factor: bool = False

    @property
    def rights(self) -> Rights:
        return rights_of(self.role)


class Users:
    """Makes, changes and knows them again. Every change but a login stands in the audit log."""

    def __init__(self, engine: Engine, clock: Clock, passwords: Passwords, link_lasts: int) -> None:
        """`link_lasts`: ms that a one-time link holds."""
        self._engine, self._clock, self._passwords, self._link_lasts = engine, clock, passwords, link_lasts

    def create(self, name: str, role: Role, by: str, subject: str | None = None) -> tuple[User, str]:
        """A new user, and the text of the link by which they set a password. Raises InputError for a name that is
        taken or none, and a missing owner or technician."""
        require_subject(role, subject)
        with change(self._engine, self._clock) as work:
            made = _new(work, _named(name), role, subject, by)
            if made is None:
                raise InputError(
                    f"there is a user {_named(name)!r} already; `foremend users list` shows them"
                )
            return _user(made), self._link(work, made)

    def invite_first(self, by: str) -> str | None:
        """The link of a first admin, where there is no user yet; None where there is one, also while another process
        does the same."""
        with change(self._engine, self._clock) as work:
            if work.session.scalars(select(UserRow.id).limit(1)).first() is not None:
                return None
            made = _new(work, FIRST, Role.ADMIN, None, by)
            return None if made is None else self._link(work, made)

    def all(self) -> list[User]:
        """By name, the disabled ones too."""
        with reading(self._engine) as session:
            return [_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]

    def get(self, name: str) -> User:
        """The one of that name. Raises InputError where there is none, with the nearest that there is."""
        with reading(self._engine) as session:
            return _user(_row(session, name, lock=False))

    def any_can_log_in(self) -> bool:
        """Whether one has a password, or came by an OpenID provider before."""
        comes = UserRow.password.is_not(None) | UserRow.issuer.is_not(None)
        query = select(UserRow.id).where(UserRow.disabled_at.is_(None), comes).limit(1)
        with reading(self._engine) as session:
            return session.scalars(query).first() is not None

    def disable(self, name: str, by: str) -> User:
        """From its commit on, nothing of the user's opens anything."""
        with change(self._engine, self._clock) as work:
            row = _row(work.session, name)
            if row.disabled_at is None:
                row.disabled_at = work.at
                _end_all(work.session, row)
                work.note("user.disabled", row.id, by=by)
            return _user(row)

    def enable(self, name: str, by: str) -> User:
        """Lets in again who was disabled; sessions do not come back."""
        with change(self._engine, self._clock) as work:
            row = _row(work.session, name)
            if row.disabled_at is not None:
                row.disabled_at = None
                work.note("user.enabled", row.id, by=by)
            return _user(row)

    def change_role(self, name: str, role: Role, by: str, subject: str | None = None) -> User:
        """Another role from now on; whoever is logged in by the old one logs in again. Raises InputError for one who
        comes by an OpenID provider, which says the role at each login."""
        require_subject(role, subject)
        with change(self._engine, self._clock) as work:
            row = _row(work.session, name)
            _require_own(row, "gives the role at each login: change it there, or disable the user here")
            if _is_other(row, role, subject):
                _set_role(work.session, row, role, subject)
                work.note("user.role_changed", row.id, by=by, role=role)
            return _user(row)

    def reset(self, name: str, by: str) -> tuple[User, str]:
        """The text of a new link: password, second factor and sessions end now. Raises InputError for a user who is
        disabled."""
        with change(self._engine, self._clock) as work:
            row = _row(work.session, name)
            if row.disabled_at is not None:
                raise InputError(f"user {row.name!r} is disabled: `foremend users enable {row.name}` first")
            _require_own(row, "knows the password: there is none here to reset")
            row.password = None
            for factor in (SecondFactorRow, RecoveryCodeRow):
                work.session.execute(delete(factor).where(factor.user_id == row.id))
            _end_all(work.session, row)
            work.note("user.reset", row.id, by=by)
            return _user(row), self._link(work, row)

    def arrive(self, who: Arrival) -> User:
        """Who came by an OpenID provider, made at the first time, with the role of now. Raises Strayed for whoever has
        none, or is disabled."""
        with change(self._engine, self._clock) as work:
            row = _arrived(work.session, who)
            if row is None and who.role is not None:
                row = _first_arrival(work, who, who.role)
            if row is not None and who.role is None:
                _end_all(work.session, row)
            elif row is not None and who.role is not None and _is_other(row, who.role, who.of):
                _set_role(work.session, row, who.role, who.of)
                work.note("user.role_changed", row.id, by="openid", role=who.role)
            user = None if row is None or who.role is None else _user(row)
        if user is None:
            raise Strayed(
                "no_role", f"{who.issuer} gives this user no role here: ask whoever gives groups there"
            )
        if user.disabled_at is not None:
            raise Strayed("disabled", "this user is disabled here")
        return user

    def end_sessions(self, name: str, by: str) -> int:
        """All of a user's, at once in every process, and what begins at this moment; how many there were."""
        with change(self._engine, self._clock) as work:
            row = _row(work.session, name)
            row.epoch += 1
            mine = delete(SessionRow).where(SessionRow.user_id == row.id).returning(SessionRow.id)
            ended = len(work.session.scalars(mine).all())
            work.note("user.sessions_ended", row.id, by=by, sessions=ended)
            return ended

    def log_in(self, name: str, password: str) -> User:
        """Whose name and password these are. Raises Refused; it takes as long, and says the same, for a wrong name, a
        wrong password, a disabled user and one without a password."""
        row = self._found(folded_name(name))
        kept = None if row is None or row.disabled_at is not None else row.password
        if not self._passwords.fits(kept, password) or row is None or kept is None:
            raise Refused(_WRONG)
        if self._passwords.is_dated(kept):
            self._renew(row.id, kept, self._passwords.kept(password))
        return _user(row)

    def _found(self, name: str) -> UserRow | None:
        if not _NAME.fullmatch(name):
            return None  # nor may it reach the database: some text no database takes
        with reading(self._engine) as session:
            return session.scalars(select(UserRow).where(UserRow.name == name)).first()

    def link_of(self, link: str) -> User:
        """Whose link it is. Raises Refused for one that holds no more."""
        with reading(self._engine) as session:
            return _user(self._linked(session, link))

    def set_password(self, link: str, password: str) -> User:
        """By a link, which holds no more then. Raises Refused for one that does not, InputError for a poor password."""
        require_password(password, self.link_of(link).name)
        kept = self._passwords.kept(password)
        with change(self._engine, self._clock) as work:
            row = self._linked(work.session, link, lock=True)
            used = delete(LoginLinkRow).where(LoginLinkRow.id == digest(link)).returning(LoginLinkRow.id)
            if work.session.scalars(used).first() is None:
                raise Refused("the link was used at this moment by somebody else")
            row.password = kept
            _end_all(work.session, row)
            work.note("user.password_set", row.id, by=f"user:{row.id}")
            return _user(row)

    def _linked(self, session: Session, link: str, lock: bool = False) -> UserRow:
        query = select(UserRow).join(LoginLinkRow, LoginLinkRow.user_id == UserRow.id)
        holds = (LoginLinkRow.id == digest(link)) & (LoginLinkRow.expires_at > self._clock.now_ms())
        query = query.where(holds, UserRow.disabled_at.is_(None))
        row = session.scalars(query.with_for_update(of=UserRow) if lock else query).first()
        if row is None:
            raise Refused(
                "the link holds no more: it was used, or is too old; `foremend users reset` makes one"
            )
        return row

    def _link(self, work: Change, row: UserRow) -> str:
        """A new one; those before it end."""
        text = secrets.token_urlsafe(32)
        work.session.execute(delete(LoginLinkRow).where(LoginLinkRow.user_id == row.id))
        work.session.add(LoginLinkRow(id=digest(text), user_id=row.id, expires_at=work.at + self._link_lasts))
        return text

    def _renew(self, user_id: str, before: str, kept: str) -> None:
        with writing(self._engine) as session:
            same = (UserRow.id == user_id) & (UserRow.password == before)
            session.execute(update(UserRow).where(same).values(password=kept))


def digest(secret: str) -> str:
    """Of 256 random bits: nobody finds them by hashing faster."""
    return hashlib.sha256(secret.encode()).hexdigest()


def folded_name(name: str) -> str:
    """One form of a name for all ways to type it."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _named(name: str) -> str:
    found = folded_name(name)
    if not _NAME.fullmatch(found):
        raise InputError(f"{name[:80]!r} cannot be a user's name: 1 to 64 letters, digits and . _ @ + -")
    return found


def _new(
    work: Change, name: str, role: Role, subject: str | None, by: str, who: Arrival | None = None
) -> UserRow | None:
    """None where the name is taken, also at this moment."""
    key = "u" + b32encode(secrets.token_bytes(10)).decode().lower()[:15]
    values = {
        "id": key, "name": name, "role": role.value, "owner_id": subject if role is Role.OWNER else None,
        "technician": subject if role is Role.TECHNICIAN else None, "epoch": 0, "created_at": work.at,
        "issuer": who.issuer if who else None, "issuer_subject": who.subject if who else None,
    }  # fmt: skip
    if not insert_new(work.session, UserRow, [values]):
        return None
    work.note("user.created", key, by=by, role=role)
    return work.session.get_one(UserRow, key)


def _arrived(session: Session, who: Arrival) -> UserRow | None:
    query = select(UserRow).where(UserRow.issuer == who.issuer, UserRow.issuer_subject == who.subject)
    return session.scalars(query.with_for_update()).first()


def _first_arrival(work: Change, who: Arrival, role: Role) -> UserRow:
    """By the name that the provider says, or one like it where that is none or somebody else's; also where another
    process does the same at this moment."""
    said = folded_name(who.name)
    for name in (said, f"{said[:50]}-{secrets.token_hex(4)}", f"user-{secrets.token_hex(8)}"):
        if _NAME.fullmatch(name):
            made = _new(work, name, role, who.of, "openid", who) or _arrived(work.session, who)
            if made is not None:
                return made
    raise UnavailableError("the same user comes from elsewhere at this moment: try again")


def _require_own(row: UserRow, why: str) -> None:
    if row.issuer is not None:
        raise InputError(f"user {row.name!r} comes by {row.issuer}, which {why}")


def _row(session: Session, name: str, lock: bool = True) -> UserRow:
    wanted = folded_name(name)
    query = select(UserRow).where(UserRow.name == wanted)
    row = None
    if _NAME.fullmatch(wanted):  # else it may not reach the database: some text no database takes
        row = session.scalars(query.with_for_update() if lock else query).first()
    if row is None:
        names = session.scalars(select(UserRow.name)).all()
        raise unknown("user", folded_name(name), names, "`foremend users list` shows them")
    return row


def _is_other(row: UserRow, role: Role, subject: str | None) -> bool:
    return (row.role, row.owner_id or row.technician) != (role.value, subject)


def _set_role(session: Session, row: UserRow, role: Role, subject: str | None) -> None:
    row.role = role.value
    row.owner_id = subject if role is Role.OWNER else None
    row.technician = subject if role is Role.TECHNICIAN else None
    _end_all(session, row)


def _end_all(session: Session, row: UserRow) -> None:
    """Sessions and links of the user. Those that are made at this moment are of the epoch before, and open nothing."""
    row.epoch += 1
    session.execute(delete(SessionRow).where(SessionRow.user_id == row.id))
    session.execute(delete(LoginLinkRow).where(LoginLinkRow.user_id == row.id))


def _user(row: UserRow) -> User:
    return User(
        row.id,
        row.name,
        Role(row.role),
        row.owner_id or row.technician,
        row.password is not None,
        row.epoch,
        row.created_at,
        row.disabled_at,
        row.last_login,
        row.issuer,
        row.second_factor_at is not None,
    )
