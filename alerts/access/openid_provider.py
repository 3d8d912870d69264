"""The provider as Authlib asks it. Loaded where one is configured alone, as Authlib is an extra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from requests import RequestException

from alerts.access.openid_settings import OpenIdSettings
from alerts.access.refused import Strayed
from foremend.vocabulary.errors import UnavailableError

_PATIENCE_S = 5.0
_LEEWAY_S = 60
_ENDS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SIGNED = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""By the provider's own key: neither by nobody, nor by a secret that we have, too."""


class Provider(OAuth2Mixin, OpenIDMixin, BaseApp):
    """Of one login: what the provider says of itself is asked anew for each."""

    client_cls = OAuth2Session

    @classmethod
    def of(cls, settings: OpenIdSettings, secret: str) -> Self:
        """Its document is read and fits. Raises UnavailableError where it cannot be."""
        found = cls(
            None,
            client_id=settings.client_id,
            client_secret=secret,
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(("openid", *settings.scopes)),
                "code_challenge_method": "S256",
                "default_timeout": _PATIENCE_S,
            },
        )
        with _asked(settings.issuer):
            said = found.load_server_metadata()
            for one in _ENDS:
                if not said[one].startswith(("https://", settings.issuer.split("//")[0])):
                    raise ValueError(one)
        if said.get("issuer") != settings.issuer:
            raise UnavailableError(
                f"the provider at {settings.issuer} calls itself {str(said.get('issuer'))[:200]!r}: write"
                " service.openid.issuer as it does"
            )
        algorithms = said.get("id_token_signing_alg_values_supported") or ["RS256"]
        said["id_token_signing_alg_values_supported"] = [one for one in algorithms if one in _SIGNED]
        ways = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        found.client_kwargs["token_endpoint_auth_method"] = way
        return found

    def claims(self, code: str, kept: Mapping[str, str]) -> Mapping[str, Any]:
        """What it says of whoever came with `code`. Raises Strayed for what does not hold, UnavailableError where it is
        away."""
        issuer = self.server_metadata["issuer"]
        with _asked(issuer):
            try:
                token = self.fetch_access_token(
                    redirect_uri=kept["to"], code=code, code_verifier=kept["code_verifier"]
                )
                said = self.parse_id_token(
                    token, kept["nonce"], claims_options=self._expected(issuer), leeway=_LEEWAY_S
                )
                if said is None:
                    raise Strayed("wrong", f"{issuer} sent no id_token")
                return {**self._more(token, said["sub"]), **said}
            except (AuthlibBaseError, JoseError) as error:
                what = getattr(error, "error", type(error).__name__)
                raise Strayed("wrong", f"what {issuer} answered does not hold ({what})") from error

    def _expected(self, issuer: str) -> dict[str, dict[str, object]]:
        return {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": self.client_id},
        }

    def _more(self, token: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """Claims that it has not put into the id_token, as many do with groups."""
        if "userinfo_endpoint" not in self.server_metadata:
            return {}
        found: Mapping[str, Any] = self.userinfo(token=token)
        if found.get("sub") != subject:
            raise Strayed("wrong", "the provider told of another user than the one who came")
        return found

    def end_url(self, back: str) -> str | None:
        """Where its own session is ended (OpenID Connect RP-Initiated Logout 1.0), if it names such a place."""
        if "end_session_endpoint" not in self.server_metadata:
            return None
        found: str = self.create_logout_url(post_logout_redirect_uri=back, client_id=self.client_id)["url"]
        return found


@contextmanager
def _asked(issuer: str) -> Iterator[None]:
    """Raises UnavailableError for no answer, and for one that is no provider's."""
    try:
        yield
    except (RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"the login of {issuer} does not answer as it should ({type(error).__name__}): try again, or log in by"
            " name and password"
        ) from error
