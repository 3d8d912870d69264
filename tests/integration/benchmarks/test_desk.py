"""The benchmark of lists fills a database that the API's own questions find their rows in."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.database import open_database
from benchmarks import desk_owners
from benchmarks.desk import SERIES, fill, main, questions


def test_every_question_finds_something(database: str) -> None:
    """On both databases: a list that finds nothing would be fast for nothing."""
    engine = open_database(database)
    fill(engine, opened=700, closed=800)

    found = {name: ask() for name, ask in questions(engine, 1_500).items()}
    engine.dispose()

    empty = {name for name, one in found.items() if not getattr(one, "items", one)}
    assert all("there are none" in name for name in empty)
    assert len(empty) == sum("there are none" in name for name in found)


def test_every_question_about_owners_finds_something(database: str) -> None:
    """On both databases; of the last turn as of the first."""
    engine = open_database(database)
    desk_owners.fill(engine, SERIES[engine.dialect.name], 60)

    asked = list(desk_owners.questions(engine, 60))
    found = {name: [ask(turn) for turn in (0, 7)] for name, _, ask in asked}
    engine.dispose()

    assert {name for name, answers in found.items() if not all(answers)} == set()


@pytest.mark.parametrize("shown", [[], ["--json"]])
def test_it_says_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shown: list[str]
) -> None:
    """For people and as JSON."""
    url = f"sqlite:///{tmp_path}/desk.db"
    small = ["--open", "60", "--closed", "60", "--repeats", "1", "--url", url]
    monkeypatch.setattr("sys.argv", ["desk", *small, *shown])

    main()

    assert "open, most urgent first" in capsys.readouterr().out
