"""What goes wrong as `application/problem+json` (RFC 9457): a sentence in `detail`, a missing right by its name."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from foremend.vocabulary.errors import ForemendError, InputError
from foremend.vocabulary.rights import Reach, Right

MEDIA_TYPE = "application/problem+json"


class ProblemView(BaseModel):
    """`right` is missing, or has only this `reach`; `errors` are the fields that are wrong; `second_factor`: its code
    is missing at a login, or it has to be set up."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    right: Right | None = None
    reach: Reach | None = None
    errors: list[dict[str, Any]] = []
    second_factor: bool = False


_WORDS: Mapping[int, str] = {
    400: "Something that was asked cannot be: the answer says what",
    401: "Nobody knows who asks: no token, or one that opens nothing",
    403: "Who asks has not the right, which the answer names",
    404: "There is none, or none that the caller may see",
    409: "Not in the state that it is in now",
    412: "It is another version than the one that was read",
    413: "The request is too long",
    422: "Something that was asked has the wrong form: `errors` says what",
    428: "The version that was read has to be said",
    429: "Too many requests: `Retry-After` says when to come again",
    503: "Something that is needed is away: try again",
}


def stated(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer, for its description: problems with these statuses."""
    return {
        status: {"description": _WORDS[status], "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
        for status in statuses
    }


_SCHEMA = {"$ref": "#/components/schemas/ProblemView"}
RESPONSES = stated(400, 401, 403, 413, 422, 429, 503)
"""What every route that asks for a right may answer."""


class Problem(HTTPException):
    """An answer that is none. `more` are members of the problem beside the usual ones."""

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.more = more


def answer(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem as it is sent."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body | more, status, dict(headers or {}), media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Every error of `app` becomes a problem; our own are the caller's mistake, or ours to mend."""
    _describe(app)

    @app.exception_handler(HTTPException)
    def _refused(_request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, UnicodeDecodeError):  # as any other body that is no JSON
            return answer(422, f"body: it is no JSON in UTF-8 ({error.__cause__})")
        return answer(error.status_code, str(error.detail), error.headers, **getattr(error, "more", {}))

    @app.exception_handler(RequestValidationError)
    def _wrong(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [{"where": list(one["loc"]), "what": one["msg"]} for one in error.errors()]
        said = "; ".join(f"{'.'.join(map(str, one['where']))}: {one['what']}" for one in fields)
        return answer(422, said, errors=fields)

    @app.exception_handler(ForemendError)
    def _sorry(_request: Request, error: ForemendError) -> JSONResponse:
        return answer(400 if isinstance(error, InputError) else 503, str(error))


def _describe(app: FastAPI) -> None:
    """FastAPI describes what a route returns; what it raises instead has to be said."""
    own = app.openapi

    def described() -> dict[str, Any]:
        schema = own()
        problem = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"].update(problem.pop("$defs", {}))
        schema["components"]["schemas"][ProblemView.__name__] = problem
        return schema

    app.openapi = described  # type: ignore[method-assign]
