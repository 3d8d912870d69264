"""The pages as they are sent: what each has of its own, within what all have.

A file `static/*.html` has its own lines of the head, a blank line, and what is in the body, with a header where it is
another than that of all. The modules that its script imports, and those that these import, are named in the head, too
(`modulepreload`): a browser that finds them by itself waits once for each round of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from os import PathLike, stat_result
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
_FRAME, _HEADER = (Path(__file__).with_name(name) for name in ("frame.html", "header.html"))
_TOP = '<header class="top">'
_SCRIPT = re.compile(r'<script type="module" src="([^"]+)">')
_IMPORTED = re.compile(r'^(?:import|export)\b[^;]*?"\./([^"]+)";$', re.MULTILINE)


class Console(StaticFiles):
    """Everything below `static`, a page in its frame."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC, html=True)

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """As it is on the disk, but for pages."""
        if (page := pages().get(Path(full_path).name)) is None:
            return super().file_response(full_path, stat_result, scope, status_code)
        response = HTMLResponse(page, status_code, {"etag": f'"{sha256(page).hexdigest()[:32]}"'})
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response


@cache
def pages() -> Mapping[str, bytes]:
    """Each page by the name of its file. Read once, when the first one is asked for."""
    return {one.name: _framed(one.read_text("utf-8")).encode() for one in STATIC.glob("*.html")}


def _framed(own: str) -> str:
    head, body = own.split("\n\n", 1)
    scripts = {name for script in _SCRIPT.findall(head) for name in _imports(script)}
    preloads = "".join(f'<link rel="modulepreload" href="{name}" />\n' for name in sorted(scripts))
    header = "" if body.startswith(_TOP) else _HEADER.read_text("utf-8")
    frame = _FRAME.read_text("utf-8")
    return frame.replace("<!-- head -->", preloads + head).replace("<!-- body -->", header + body)


def _imports(script: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """What `script` imports, and what that does; `known` are not looked at again."""
    for name in _IMPORTED.findall((STATIC / script).read_text("utf-8")):
        if name not in known:
            known = _imports(name, known | {name})
    return known
