"""Text in a table that people open in a spreadsheet: it comes from outside, and must not be taken for a formula."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def plain_cell(text: str) -> str:
    """`=1+2` -> `'=1+2`, which spreadsheets show and do not reckon; other text as it is."""
    return f"'{text}" if text.startswith(_FORMULA) else text
