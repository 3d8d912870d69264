"""What all lists take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=500)]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before")]
