"""One number behind a ticket over its episode, as a small SVG that needs nothing else: pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 480, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 28, 24
_LINE, _USUAL, _SIBLINGS, _TEXT = "#b3261e", "#1b6e3c", "#8a8a8a", "#333"


class Point(NamedTuple):
    """What was measured at `time` (ms UTC), and what is usual for the appliance and its siblings then."""

    time: int
    value: float
    usual: float | None
    siblings: float | None


def chart(title: str, unit: str, points: Sequence[Point], words: tuple[str, str]) -> str:
    """An SVG of `points`, one at least, in the order of their time; `words` are for usual and siblings."""
    known = [one for point in points for one in (point.value, point.usual, point.siblings) if one is not None]
    low, high = min(known), max(known)
    if low == high:
        low, high = low - 1, high + 1
    first, last = points[0].time, max(points[-1].time, points[0].time + 1)

    def place(time: int, value: float) -> str:
        x = _LEFT + (time - first) / (last - first) * (WIDTH - _LEFT - _RIGHT)
        y = HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    lines = [
        _line([place(p.time, p.siblings) for p in points if p.siblings is not None], _SIBLINGS, "2 4"),
        _line([place(p.time, p.usual) for p in points if p.usual is not None], _USUAL, "6 3"),
        _line([place(p.time, p.value) for p in points], _LINE, ""),
    ]
    label = f"{title} ({unit})" if unit else title
    axis = [
        _text(_LEFT, 16, label, _TEXT),
        _text(2, _TOP + 4, f"{high:.4g}", _TEXT),
        _text(2, HEIGHT - _BOTTOM, f"{low:.4g}", _TEXT),
        _text(_LEFT, HEIGHT - 6, _day(first), _TEXT),
        _text(WIDTH - 84, HEIGHT - 6, _day(last), _TEXT),
        _text(WIDTH - 200, 16, words[0], _USUAL),
        _text(WIDTH - 90, 16, words[1], _SIBLINGS),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' role="img" font-family="sans-serif" font-size="11"><title>{escape(label)}</title>'
    )
    return (
        head + f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>' + "".join([*lines, *axis]) + "</svg>"
    )


def _line(places: Sequence[str], colour: str, dashes: str) -> str:
    """A line with a dot where each number is; nothing where none is known."""
    dots = "".join(
        '<circle cx="{}" cy="{}" r="2.5" fill="{}"/>'.format(*one.split(","), colour) for one in places
    )
    style = f' stroke-dasharray="{dashes}"' if dashes else ""
    drawn = f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"{style}/>'
    return drawn + dots if places else ""


def _text(x: int, y: int, words: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(words)}</text>'


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d")
