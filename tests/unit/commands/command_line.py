"""The command line as people type it, in this process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
import typer

from foremend.cli import app, main


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line; its exit code."""
    monkeypatch.setattr(sys, "argv", ["foremend", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def command_of(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command or group that `words` begin with, with its parameters, and the rest of them."""
    found: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and rest[0] in getattr(found, "commands", {}):
        _, found, rest = found.resolve_command(typer.Context(found), rest)
    return found, rest
