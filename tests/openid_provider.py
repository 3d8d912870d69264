"""OpenID providers on this machine: one of others, and one that can lie, whose tokens may be changed or unsigned."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from foremend.service.server import Server
from foremend.stores.free_port import free_port

CLIENT, SECRET = "foremend", "a secret of the client"


@cache
def made_key(_number: int = 0) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """Lets in whoever comes, as the user of `claims`; `change` lies about an id_token, `sign` makes one."""

    address: str = ""
    key: RSAKey = field(default_factory=made_key)
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "17", "groups": ["desk"]})
    in_userinfo: dict[str, Any] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    change: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[Provider, dict[str, Any]], str] | None = None
    once: bool = True
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def signed(self, claims: dict[str, Any]) -> str:
        return (
            self.sign(self, claims)
            if self.sign
            else jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        )

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.claims
        self.change(claims)
        return self.signed(claims)


def unsigned(_: Provider, claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
        + "."
    )


def by_another_key(_: Provider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, made_key(1))


def by_our_secret(_: Provider, claims: dict[str, Any]) -> str:
    from joserfc.jwk import OctKey

    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET.encode() * 2))


@contextmanager
def open_provider() -> Iterator[Provider]:
    """Until the end of the block; a second one has another address."""
    provider = Provider()
    with Server(_app(provider), "127.0.0.1", 0) as address:
        provider.address = address
        yield provider


@contextmanager
def provider_of_others(**claims: Any) -> Iterator[str]:
    """The issuer of oidc-provider-mock, as a process of its own, which knows the user of `claims`."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--user-claims", json.dumps(claims)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            issuer = f"http://localhost:{port}"
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
                assert client.get(f"{issuer}/.well-known/openid-configuration").status_code == 200
            yield issuer
        finally:
            process.terminate()


def _app(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def document() -> dict[str, Any]:
        at = provider.address
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        more = {"userinfo_endpoint": "userinfo"} if provider.in_userinfo else {}
        said = {name: f"{at}/{path}" for name, path in (ends | more).items()}
        return (
            {"issuer": at, "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"]}
            | said
            | provider.says
        )

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(8)
        provider.codes[code] = asked
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
        )

    @app.post("/token")
    async def token(request: Request) -> Response:
        sent = {name: one[0] for name, one in parse_qs((await request.body()).decode()).items()}
        asked = provider.codes.get(sent["code"])
        if provider.once:
            provider.codes.pop(sent["code"], None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        known = request.headers["authorization"] == f"Basic {basic}"
        if asked is None or not known or (provider.once and asked["code_challenge"] != challenge):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "a", "token_type": "Bearer", "id_token": provider.id_token(asked)}
        )

    @app.get("/jwks")
    def jwks() -> Any:
        return KeySet([provider.key]).as_dict(private=False)

    @app.get("/userinfo")
    def userinfo() -> dict[str, Any]:
        return provider.in_userinfo

    return app
