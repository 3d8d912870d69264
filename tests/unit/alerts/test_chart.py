"""The small picture of a ticket's evidence: well-formed whatever is in it, and every number within its frame."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from alerts.chart import HEIGHT, WIDTH, Point, chart

NUMBER = st.floats(-1e9, 1e9)
POINTS = st.lists(
    st.builds(Point, st.integers(0, 4_000_000_000_000), NUMBER, st.none() | NUMBER, st.none() | NUMBER),
    min_size=1,
    max_size=8,
).map(lambda points: sorted(points, key=lambda point: point.time))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@given(TEXT, TEXT, POINTS)
def test_every_point_is_drawn_within_the_frame(title: str, unit: str, points: list[Point]) -> None:
    """One dot a known number, whatever the words hold."""
    drawn = ElementTree.fromstring(chart(title, unit, points, ("own usual", "siblings")))

    dots = [one for one in drawn.iter() if one.tag.endswith("circle")]
    known = [one for point in points for one in (point.value, point.usual, point.siblings) if one is not None]
    assert len(dots) == len(known)
    assert all(0 <= float(one.attrib["cx"]) <= WIDTH for one in dots)
    assert all(0 <= float(one.attrib["cy"]) <= HEIGHT for one in dots)


def test_words_are_words_and_no_markup() -> None:
    """A signal's name is of an installation's own choice."""
    drawn = chart("<script>alert(1)</script>", "&", [Point(1, 2.0, None, None)], ("a", "b"))

    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
