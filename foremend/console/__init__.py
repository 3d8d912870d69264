"""The console: pages of plain files, no build step, nothing fetched from other hosts."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
