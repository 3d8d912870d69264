"""Coming in by an organisation's own login: OpenID Connect, an authorization code with PKCE, by Authlib.

What a login began with (state, nonce, the code's verifier) is sealed in a cookie of the browser that began it: no other
one can end it, and nothing is kept here. The provider is asked for its document and keys at each login: those are few,
and a key that it took back holds no more.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.access.openid_settings import OpenIdSettings
from alerts.access.refused import Strayed
from alerts.vault import Vault
from foremend.vocabulary.errors import ConfigError, IntegrityError, UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import WITH_A_SUBJECT, Role

if TYPE_CHECKING:
    from alerts.access.openid_provider import Provider

LASTS_S = 600
"""Within which somebody who went to the provider comes back."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the text of the cookie that it comes back with."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came, known by `issuer` and `subject` alone. `role` is None for whoever has none; `of`: whose own is seen."""

    issuer: str
    subject: str
    name: str
    role: Role | None
    of: str | None


class OpenId:
    """One provider. `public_url` is where people reach this service, if it is configured."""

    def __init__(
        self, settings: OpenIdSettings, secret: str, vault: Vault, clock: Clock, public_url: str | None
    ) -> None:
        self._settings, self._secret, self._vault, self._clock = settings, secret, vault, clock
        self.public_url = public_url
        self.title = settings.title

    def begin(self, callback: str) -> Begun:
        """A login that comes back to `callback`. Raises UnavailableError where the provider is away."""
        made = self._provider().create_authorization_url(redirect_uri=callback)
        kept = {name: made[name] for name in ("state", "nonce", "code_verifier")}
        until = self._clock.now_ms() + LASTS_S * 1000
        return Begun(
            made["url"], self._vault.seal(json.dumps(kept | {"to": callback, "until": until})).decode()
        )

    def finish(self, cookie: str, answer: Mapping[str, str]) -> Arrival:
        """Who came back with `answer`, the parameters of the callback. Raises Strayed, and UnavailableError where the
        provider went away meanwhile."""
        kept = self._kept(cookie)
        if not hmac.compare_digest(answer.get("state", "").encode(), kept["state"].encode()):
            raise Strayed("stale", "the answer is of another login than the one that began in this browser")
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207
            raise Strayed("wrong", "another provider answered than the one that was asked")
        if "code" not in answer:
            said = answer.get("error", "nothing")[:60]
            raise Strayed("denied", f"{self._settings.issuer} let nobody in: it said {said!r}")
        return self._arrival(self._provider().claims(answer["code"], kept))

    def end_url(self, back: str) -> str | None:
        """Where the provider's own session is ended, which leads to `back`; None where it names no such place, or is
        away: the session here has ended all the same."""
        try:
            return self._provider().end_url(back)
        except UnavailableError:
            return None

    def _kept(self, cookie: str) -> dict[str, Any]:
        stale = Strayed(
            "stale", "nothing is known of a login that began in this browser, or it took too long"
        )
        try:
            kept: dict[str, Any] = json.loads(self._vault.unseal(cookie.encode()))
        except (IntegrityError, ValueError):
            raise stale from None
        if kept["until"] <= self._clock.now_ms():
            raise stale
        return kept

    def _provider(self) -> Provider:
        from alerts.access.openid_provider import Provider

        return Provider.of(self._settings, self._secret)

    def _arrival(self, claims: Mapping[str, Any]) -> Arrival:
        settings = self._settings
        has = claim_of(claims, settings.role_claim)
        groups = {str(one) for one in has} if isinstance(has, list) else {str(has)}
        role = next((role for group, role in settings.roles.items() if group in groups), None)
        of = claim_of(claims, settings.subject_claim) if role in WITH_A_SUBJECT else None
        if role in WITH_A_SUBJECT and not of:
            role = None
        name = claim_of(claims, settings.name_claim) or ""
        return Arrival(settings.issuer, str(claims["sub"]), str(name), role, str(of) if of else None)


def claim_of(claims: Mapping[str, Any], name: str | None) -> Any:
    """A claim by its name, or by its way through members; None where it is not there.

    >>> claim_of({"realm_access": {"roles": ["desk"]}}, "realm_access.roles")
    ['desk']
    """
    if name is None or name in claims:
        return None if name is None else claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def open_openid(
    settings: OpenIdSettings, vault: Vault, clock: Clock, public_url: str | None = None
) -> OpenId:
    """Asks nobody yet. Raises ConfigError without the secret."""
    return OpenId(settings, client_secret(settings, os.environ), vault, clock, public_url)


def client_secret(settings: OpenIdSettings, environ: Mapping[str, str]) -> str:
    """The secret that the settings point at. Raises ConfigError when there is none."""
    file = settings.client_secret_file
    try:
        secret = file.read_text("utf-8") if file else environ.get(str(settings.client_secret_env), "")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"service.openid: the secret file {file} cannot be read ({error})") from error
    if not secret.strip():
        raise ConfigError(f"service.openid: no secret in {file or settings.client_secret_env}")
    return secret.strip()
