"""What a process says while it works: one line on stderr for each thing, for people or, as JSON, for programs."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Literal

import orjson

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

_NOISY = ("httpx", "alembic", "numba")
"""They tell of each request, each step, each line that they compile; what they warn of is kept."""


class JsonLines(logging.Formatter):
    """One JSON object a line: `time` (UTC, ISO 8601, ms), `level`, `logger`, `message`; with an error, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def set_up(level: Level, form: Format) -> None:
    """Log to stderr from now on what is of `level` or graver. Leaves handlers that are there already alone."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def in_json() -> bool:
    """Whether this process logs JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)
