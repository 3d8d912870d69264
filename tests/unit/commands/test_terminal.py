"""What commands show to people."""

from __future__ import annotations

import pytest

from foremend.terminal import Exact, show_pairs

CARD = {
    "version": "v0001",
    "made_at": 1_764_329_640_000,
    "signed": False,
    "in_time": True,
    "trained_on": {"source": "simulated", "appliances": 120, "seed": 0},
    "average_precision": 0.912345,
    "history": [{"alias": "champion", "at": 1_764_329_700_000}, {"alias": "previous", "at": 0}],
    "drift": None,
    "faults": ["door-gasket-leak", "refrigerant-leak"],
    "where": "dt/appliance/[red]/x" + "y" * 100,
}


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What a person sees of the card."""
    show_pairs("Model", CARD)
    return capsys.readouterr().out


def test_a_table_in_a_table_stands_further_in_without_boxes(shown: str) -> None:
    """And each of a list of tables has its number."""
    lines = [line.split() for line in shown.splitlines()]

    assert ["trained", "on"] in lines
    assert ["appliances", "120"] in lines
    assert lines[lines.index(["history"]) + 1 :][:2] == [["1"], ["alias", "champion"]]
    assert not set(shown) & set("┏┃│┌─━{}'")


def test_no_line_is_wider_than_eighty_columns(shown: str) -> None:
    """Nothing is cut for it, and what looks like an order to colour it is a text."""
    assert max(map(len, shown.splitlines())) <= 80
    assert CARD["where"] in "".join(shown.split())


def test_values_are_written_as_people_write_them(shown: str) -> None:
    """Times with date and hour, figures with four digits, yes and no, and none."""
    lines = [" ".join(line.split()) for line in shown.splitlines()]

    assert "made at 2025-11-28 11:34 UTC" in lines
    assert "at 2025-11-28 11:35 UTC" in lines
    assert "signed no" in lines
    assert "in time yes" in lines
    assert "average precision 0.9123" in lines
    assert "drift none" in lines
    assert "faults door-gasket-leak, refrigerant-leak" in lines


def test_an_id_stands_as_it_must_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of other names an underline becomes a blank."""
    show_pairs("Tokens", {Exact("ab_C-1"): "never used", "last_used": None})
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    assert lines[1:] == ["ab_C-1 never used", "last used none"]


def test_a_title_is_not_folded_above_a_narrow_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The id of an appliance whose lines are short can be copied as well."""
    show_pairs("a-refrigerator-of-the-kitchen", {"a": 1})

    assert capsys.readouterr().out.splitlines()[0].strip() == "a-refrigerator-of-the-kitchen"
