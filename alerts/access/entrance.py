"""Logging in: guesses counted, password and second factor looked at, a session begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alerts.access.guesses import Counted, Devices, Guesses
from alerts.access.openid import Arrival
from alerts.access.refused import CodeNeeded
from alerts.access.second_factor import SecondFactors
from alerts.access.sessions import Sessions
from alerts.access.users import User, Users, digest, folded_name
from foremend.vocabulary.errors import InputError

_FREE_BY_NAME, _FREE_BY_ADDRESS, _FREE_BY_LINK = 5, 20, 20


@dataclass(frozen=True, slots=True)
class Entered:
    """Texts of two cookies: the session's, and the one that knows this browser again."""

    session: str
    device: str
    seconds: int
    """After which the session ends in every case."""


class TooSoon(Exception):  # an answer, no mistake
    """So many were wrong that the next guess must wait for `wait_s` whole seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong attempts: try again in {wait_s} s")
        self.wait_s = wait_s


class Entrance:
    """Of one process: what it counts begins anew with it."""

    def __init__(
        self, users: Users, factors: SecondFactors, sessions: Sessions, devices: Devices, guesses: Guesses
    ) -> None:
        self._users, self._factors, self._sessions = users, factors, sessions
        self._devices, self._guesses = devices, guesses

    def log_in(self, name: str, password: str, address: str, device: str, code: str | None = None) -> Entered:
        """`device`: what the browser brought, or nothing; `code`: of the second factor. Raises Refused for what is
        wrong, CodeNeeded where all that is missing is the code, TooSoon where the guess was not looked at."""
        return self._entered(self.known(name, password, address, device, code))

    def known(self, name: str, password: str, address: str, device: str, code: str | None) -> User:
        """Whose name, password and code these are. Raises as `log_in`; whoever has the password and guesses at codes
        is counted as whoever guesses at passwords."""
        counted, by = self._counted(name, address, device)
        self._begin(counted)
        user = self._users.log_in(name, password)
        if user.second_factor and not code:
            self._guesses.right("", counted)
            raise CodeNeeded
        if user.second_factor:
            self._factors.use(user.id, code or "")
        self._guesses.right(by, counted)
        return user

    def link_of(self, link: str, address: str) -> User:
        """Whose one-time link it is. Raises as `log_in`."""
        counted = {f"address {address}": _FREE_BY_LINK}
        self._begin(counted)
        user = self._users.link_of(link)
        self._guesses.right("", counted)
        return user

    def set_password(self, link: str, password: str, address: str) -> Entered:
        """By a one-time link. Raises as `log_in`, and InputError for a poor password."""
        counted = {f"address {address}": _FREE_BY_LINK}
        self._begin(counted)
        try:
            user = self._users.set_password(link, password)
        except InputError:
            self._guesses.right("", counted)  # the link was good
            raise
        self._guesses.right("", counted)
        return self._entered(user)

    def arrive(self, ask: Callable[[], Arrival], address: str) -> Entered:
        """By an OpenID provider: `ask` says who came. Raises what it raises, and as `log_in`."""
        counted = {f"address {address}": _FREE_BY_LINK}
        self._begin(counted)
        user = self._users.arrive(ask())
        self._guesses.right("", counted)
        return self._entered(user)

    def _entered(self, user: User) -> Entered:
        return Entered(
            self._sessions.begin(user), self._devices.new(user.name), self._sessions.longest // 1000
        )

    def _counted(self, name: str, address: str, device: str) -> tuple[Counted, str]:
        """By the device where it is the user's, else by the name; never in clear: a name may be a password typed in
        the wrong field."""
        known = self._devices.known(device, folded_name(name))
        by = f"device {known}" if known else f"name {digest(folded_name(name))}"
        return {by: _FREE_BY_NAME, f"address {address}": _FREE_BY_ADDRESS}, by

    def _begin(self, counted: Counted) -> None:
        if wait := self._guesses.begin(counted):
            raise TooSoon(wait)
