"""A second factor of users with passwords: codes by time (RFC 6238) by pyotp, and ten codes to recover with."""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import dataclass

import pyotp
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from alerts.access.refused import Refused
from alerts.access.users import User, digest
from alerts.change import change
from alerts.database import reading
from alerts.tables import RecoveryCodeRow, SecondFactorRow
from alerts.vault import Vault
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock

RECOVERY_CODES = 10
_STEP_MS = 30_000
_AROUND = (-1, 0, 1)
"""Steps that hold beside the present one: clocks go wrong, and people type slowly (RFC 6238, 5.2)."""
_CODE_BYTES = 10
_WRONG = "the code is wrong, or was used before"


@dataclass(frozen=True, slots=True)
class Standing:
    """Since when a user has a second factor, ms UTC, or None; and how many codes to recover with are left."""

    since: int | None
    recovery_codes: int


class SecondFactors:
    """The secret is sealed by the vault, of codes to recover with a digest is kept: each is shown once."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        self._engine, self._vault, self._clock = engine, vault, clock

    def standing(self, user_id: str) -> Standing:
        """Of a user; one that was begun and never confirmed is none."""
        codes = select(func.count()).select_from(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id)
        with reading(self._engine) as session:
            row = session.get(SecondFactorRow, user_id)
            return Standing(row.confirmed_at if row else None, session.scalar(codes) or 0)

    def begin(self, user: User) -> pyotp.TOTP:
        """A new secret, which counts once `confirm` had a code of it. Raises InputError for a user who has one, or no
        password."""
        if not user.has_password:
            raise InputError(f"user {user.name!r} has no password here, and so no second factor")
        secret = pyotp.random_base32()
        with change(self._engine, self._clock) as work:
            row = work.session.get(SecondFactorRow, user.id, with_for_update=True)
            if row is not None and row.confirmed_at is not None:
                raise InputError("there is a second factor already: end it first")
            if row is not None:
                work.session.delete(row)
                work.session.flush()
            sealed = self._vault.seal(secret)
            work.session.add(
                SecondFactorRow(
                    user_id=user.id, secret=sealed, created_at=work.at, confirmed_at=None, last_step=0
                )
            )
        return pyotp.TOTP(secret, name=user.name, issuer="Foremend")

    def confirm(self, user_id: str, code: str) -> list[str]:
        """From now on it is asked for at each login; codes to recover with, which nobody can see again. Raises Refused
        for a wrong code, InputError where none was begun."""
        made = [_recovery_code() for _ in range(RECOVERY_CODES)]
        with change(self._engine, self._clock) as work:
            row = work.session.get(SecondFactorRow, user_id, with_for_update=True)
            if row is None or row.confirmed_at is not None:
                raise InputError("no second factor was begun: ask for a secret first")
            if not self._fits(work.session, row, _plain(code)):
                raise Refused(_WRONG)
            row.confirmed_at = work.at
            work.session.add_all(RecoveryCodeRow(id=digest(_plain(one)), user_id=user_id) for one in made)
            work.note("second_factor.set", user_id, by=f"user:{user_id}")
        return made

    def use(self, user_id: str, code: str) -> None:
        """A code by time, or one to recover with; it holds no more then, in any process. Raises Refused."""
        plain = _plain(code)
        with change(self._engine, self._clock) as work:
            row = work.session.get(SecondFactorRow, user_id)
            if row is None or row.confirmed_at is None:
                raise Refused(_WRONG)
            if self._fits(work.session, row, plain):
                return
            kept = (RecoveryCodeRow.id == digest(plain)) & (RecoveryCodeRow.user_id == user_id)
            used = delete(RecoveryCodeRow).where(kept).returning(RecoveryCodeRow.id)
            if work.session.scalars(used).first() is None:
                raise Refused(_WRONG)
            work.note("second_factor.recovered", user_id, by=f"user:{user_id}")

    def end(self, user_id: str) -> None:
        """As its user asks for."""
        with change(self._engine, self._clock) as work:
            for factor in (SecondFactorRow, RecoveryCodeRow):
                work.session.execute(delete(factor).where(factor.user_id == user_id))
            work.note("second_factor.ended", user_id, by=f"user:{user_id}")

    def _fits(self, session: Session, row: SecondFactorRow, code: str) -> bool:
        """Whether it is a code of now that was not used; it is, from then on."""
        totp = pyotp.TOTP(self._vault.unseal(row.secret))
        now = self._clock.now_ms() // _STEP_MS
        for step in (now + around for around in _AROUND):
            if pyotp.utils.strings_equal(code, totp.generate_otp(step)):
                newer = (SecondFactorRow.user_id == row.user_id) & (SecondFactorRow.last_step < step)
                used = update(SecondFactorRow).where(newer).values(last_step=step)
                return session.scalars(used.returning(SecondFactorRow.user_id)).first() is not None
        return False


def _recovery_code() -> str:
    text = b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _plain(code: str) -> str:
    """Without the blanks and dashes that people write between."""
    return "".join(code.split()).replace("-", "").lower()
