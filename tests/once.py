"""What a process of tests works out once, as a service does that starts once, and tests start a thousand.

Nothing is left out: the first that asks does the work, and whoever asks the same again is given the same.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import fastapi.routing
import httpx
import pytest
from fastapi import params
from sqlalchemy import create_engine

_build = fastapi.routing._build_dependant_with_parameterless_dependencies
_annotation = fastapi.routing.get_typed_return_annotation


@pytest.fixture(scope="session", autouse=True)
def _worked_out_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", _trusting)
        patch.setattr("fastapi.routing._build_dependant_with_parameterless_dependencies", _dependant)
        patch.setattr("fastapi.routing.create_model_field", cache(fastapi.routing.create_model_field))
        patch.setattr("fastapi.routing.get_typed_return_annotation", _annotated)
        patch.setattr("alerts.database.create_engine", partial(create_engine, execution_options=_STATEMENTS))
        yield


def _trusting(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    """Each httpx client reads all certificate authorities, also for 127.0.0.1 without TLS: 60 ms of CPU."""
    if verify is not True or cert is not None:
        return httpx.create_ssl_context(verify, cert, trust_env)
    named = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if trust_env else ()
    return _authorities(trust_env, *named)


@cache
def _authorities(trust_env: bool, *_named: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)


class _Statements(dict[Any, Any]):
    """SQL of SQLAlchemy's statements for a kind of database, whichever engine compiles one first: each test opens its
    own, and each would compile every statement anew."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._of_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(self._of_kind(key), compiled)

    @staticmethod
    def _of_kind(key: tuple[Any, ...]) -> tuple[Any, ...]:
        dialect, *statement = key
        return (type(dialect), *statement)


_STATEMENTS = {"compiled_cache": _Statements()}

_returned: dict[Hashable, Any] = {}


def _annotated(call: Callable[..., Any]) -> Any:
    """What a route returns, by its code too."""
    code = getattr(call, "__code__", call)
    if code not in _returned:
        _returned[code] = _annotation(call)
    return _returned[code]


_asked: dict[Hashable, Any] = {}


def _dependant(*, path: str, call: Callable[..., Any], dependencies: Sequence[params.Depends]) -> Any:
    """What a route asks for, by its code: each app has functions of its own, over its own desks, of the same code."""
    code = getattr(call, "__code__", None)
    if code is None:
        return _build(path=path, call=call, dependencies=dependencies)
    key = (code, call.__defaults__, path, *dependencies)
    if key not in _asked:
        dependant, *more = _build(path=path, call=call, dependencies=dependencies)
        _asked[key] = (replace(dependant, call=None), *more)  # the first app may end
    dependant, *more = _asked[key]
    return replace(dependant, call=call), *more
