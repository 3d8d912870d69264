"""`foremend consent expire`: what ended is told at once."""

from __future__ import annotations

from typing import Any

from alerts.desk import Alerts


def expire(desk: Alerts) -> dict[str, Any]:
    """Tell now of every consent that has ended or is about to; the pipeline and the service do it every ten minutes."""
    told = desk.endings.round()
    return {"ended": told.ended, "asked_again": told.asked_again}
