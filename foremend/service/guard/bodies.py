"""How much a request may bring: what is longer is refused before it is read, or as soon as it is too long."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foremend.service.guard.problems import Problem, answer

MOST_BYTES = 1_048_576
_SAID = f"the request's body is longer than {MOST_BYTES} bytes: send less at a time"


class BoundedBodies:
    """Answers 413 for what says that it is longer than `most` bytes, and for what is, though it said nothing."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > self._most:
            await answer(413, _SAID)(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise Problem(413, _SAID)
            return message

        await self._app(scope, counted, send)
