"""Figures and file of what goes with failures: in both languages, and hostile names as text."""

from __future__ import annotations

from string import Formatter
from typing import Any
from xml.etree import ElementTree

import pytest

from foremend.learning.insights_page import Language, forest, lives_figure
from foremend.learning.insights_words import WORDS

HOSTILE = '<script>"&'


def row(ratio: float, low: float, high: float) -> dict[str, Any]:
    return {"title": {"en": HOSTILE, "zh": "启动"}, "ratio": ratio, "ratio_95": [low, high]}


def test_both_languages_say_the_same_with_the_same_blanks() -> None:
    """No word is the same in both but z and p, which are not among them."""
    for name, english in WORDS["en"].items():
        chinese = WORDS["zh"][name]
        assert chinese != english
        assert {blank for _, blank, _, _ in Formatter().parse(english) if blank} == {
            blank for _, blank, _, _ in Formatter().parse(chinese) if blank
        }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_ratio_stands_on_its_interval_on_the_right_side_of_as_often(language: Language) -> None:
    """More often is right of the line, less often left; names are text."""
    drawn = ElementTree.fromstring(forest([row(2.0, 1.5, 3.0), row(0.5, 0.3, 0.8)], language))
    svg = "{http://www.w3.org/2000/svg}"
    as_often = float(drawn.findall(f"{svg}line")[0].attrib["x1"])
    more, less = (float(one.attrib["cx"]) for one in drawn.findall(f"{svg}circle"))

    assert less < as_often < more
    assert (next(one.text for one in drawn.findall(f"{svg}text")) or "").startswith(
        HOSTILE if language == "en" else "启动"
    )


def test_there_is_a_line_for_each_batch_and_none_of_another_kind() -> None:
    """With its name beside its colour; nothing without any."""
    curve = {"age": [10.0, 20.0], "hazard": [0.1, 0.2], "low": [0.0, 0.0], "high": [1.0, 1.0]}
    lives = {name: {"failures": 5, "curve": curve} for name in ("batch b1", f"batch {HOSTILE}", "firmware ")}
    drawn = lives_figure(lives, "batch")

    assert drawn.count('stroke-width="2"') == 2
    assert HOSTILE in [one.text for one in ElementTree.fromstring(drawn).iter()]
    assert "–" in [one.text for one in ElementTree.fromstring(lives_figure(lives, "firmware")).iter()]
    assert lives_figure({}, "batch") == ""
