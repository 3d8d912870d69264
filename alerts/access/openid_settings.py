"""What an organisation's own login is called, and which role it gives to whom."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from foremend.vocabulary.rights import WITH_A_SUBJECT, Role
from foremend.vocabulary.schema import SettingsPath, Strict

Claim = Annotated[str, Field(min_length=1, max_length=200)]
"""A claim by its name; `a.b` is also member `b` of claim `a`, as Keycloak's `realm_access.roles`."""


class OpenIdSettings(Strict):
    """An OpenID provider that lets users in, beside passwords (OpenID Connect Core 1.0).

    The secret comes from the environment or a file, never from here.
    """

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$", max_length=300)]
    """As its discovery document says it, to the letter."""
    client_id: Annotated[str, Field(min_length=1, max_length=300)]
    client_secret_env: str | None = None
    client_secret_file: SettingsPath | None = None
    title: Annotated[str, Field(min_length=1, max_length=60)] = "OpenID Connect"
    """What the button on the login page says beside "Log in with"."""
    scopes: tuple[str, ...] = ("profile",)
    """Asked for beside `openid`, where the provider gives the claims below for others."""
    role_claim: Claim = "groups"
    roles: Annotated[dict[str, Role], Field(min_length=1)]
    """The role of whoever has this value in `role_claim`: the first that fits. Whoever has none is refused."""
    subject_claim: Claim | None = None
    """Whose own a user of role owner or technician sees: the owner's id, the technician's name."""
    name_claim: Claim = "preferred_username"
    """What a new user is called here; nobody is known again by it."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.client_secret_env is None) == (self.client_secret_file is None):
            raise ValueError("openid: give client_secret_env or client_secret_file, one of them")
        if self.issuer.startswith("http://") and not _is_here(self.issuer):
            raise ValueError(f"openid: {self.issuer} is not https, and who stands between could be anybody")
        own = sorted(WITH_A_SUBJECT.intersection(self.roles.values()))
        if own and self.subject_claim is None:
            raise ValueError(f"openid: role {own[0]} reaches what is its own: name a subject_claim")
        return self


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
