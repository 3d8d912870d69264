"""ETags and idempotency keys: which version of a thing a caller has read, and which request it is."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header

from foremend.service.guard.problems import Problem

IfMatch = Annotated[
    str | None,
    Header(description="The `ETag` that was read, or `*` for whatever it is now", max_length=100),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Of your choice: the same request again changes nothing", min_length=1, max_length=200
    ),
]
_ETAG = re.compile(r'"(\d{1,18})"')


def etag(version: int) -> str:
    return f'"{version}"'


def version_of(if_match: str | None) -> int | None:
    """The version that an `If-Match` names, None for `*`. Raises Problem 428 without one, 412 for one of no ours."""
    if if_match is None:
        raise Problem(
            428, 'say which version you have read: `If-Match: "7"`, as its `ETag` says, or `If-Match: *`'
        )
    if if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Problem(
            412, f"{if_match[:60]!r} is no ETag of ours: read the ticket, and send what `ETag` says"
        )
    return int(found[1])
