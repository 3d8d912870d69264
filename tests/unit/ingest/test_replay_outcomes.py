"""A table of what failed is read in the layout that people keep it in; what is wrong in it is named by its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from ingest.replay.mapping import load_mapping
from ingest.replay.outcomes import Confirmed, Moment, OutcomeColumns, read_confirmed
from ingest.replay.together import recordings
from ingest.units import conversion

MAPPINGS = Path(__file__).parents[3] / "examples" / "mappings"
OURS = "appliance_id,fault,confirmed_at,repaired_at,onset\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "found.csv"
    path.write_text(text, encoding="utf-8")
    return path


def columns(**given: Any) -> OutcomeColumns:
    return OutcomeColumns.model_validate(given)


def test_the_usual_layout_needs_no_word(tmp_path: Path) -> None:
    """ISO times or ms UTC; what is not known is left empty, and whoever has no time stayed well."""
    path = table(
        tmp_path,
        OURS
        + "a-1,filter-clog,1970-01-02T01:00:00+01:00,172800000,\na-2,healthy,,,\na-3,filter-clog,,,1970-01-03\n",
    )

    assert read_confirmed(path, columns()) == [
        Confirmed("a-1", "filter-clog", Moment(MS_PER_DAY), Moment(2 * MS_PER_DAY)),
        Confirmed("a-3", "filter-clog", None, None, Moment(2 * MS_PER_DAY)),
    ]


def test_a_maker_s_own_layout_is_described_once(tmp_path: Path) -> None:
    """Other columns, other names of faults, local times, days since the recording began."""
    path = table(tmp_path, "Gerät;Befund;am;seit\nA1;Verdichter;02.01.1970 12:00;0.5\nA2;filter_clog;;1.5\n")
    ours = columns(
        appliance_id="Gerät",
        fault="Befund",
        confirmed_at={"column": "am", "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin"},
        onset={"column": "seit", "format": "days"},
        faults={"Verdichter": "compressor-wear"},
        delimiter=";",
    )

    found = read_confirmed(path, ours)

    at = Moment(MS_PER_DAY + 11 * MS_PER_HOUR)
    assert found[0] == Confirmed(
        "A1", "compressor-wear", at, None, Moment(MS_PER_DAY // 2, of_recording=True)
    )
    assert (found[1].fault, found[1].confirmed) == ("filter-clog", None)
    assert found[0].onset is not None
    assert found[0].onset.at(10 * MS_PER_DAY + 5) == round(10.5 * MS_PER_DAY)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a-1,filter-clog,yesterday,,", "line 2: confirmed_at: 'yesterday' is not a time"),
        (",filter-clog,2026-01-01,,", "line 2: the appliance is missing"),
        ("a-1,,2026-01-01,,", "line 2: the fault is missing"),
        ("a-1,filter-clog,2026-01-02,2026-01-01,", "line 2: repaired before"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_its_line(tmp_path: Path, row: str, said: str) -> None:
    """A backtest with half of the outcomes would be no backtest."""
    with pytest.raises(InputError, match=said):
        read_confirmed(table(tmp_path, OURS + row + "\n"), columns())


def test_a_number_of_days_is_a_number(tmp_path: Path) -> None:
    """And a finite one."""
    days = columns(confirmed_at={"column": "confirmed_at", "format": "days"})

    for cell in ("soon", "inf", "nan"):
        with pytest.raises(InputError, match=f"'{cell}' is not a number of days"):
            read_confirmed(table(tmp_path, OURS + f"a-1,filter-clog,{cell},,\n"), days)


def test_a_table_without_its_columns_is_refused_with_those_it_has(tmp_path: Path) -> None:
    """Onset may be absent, unless the mapping names it."""
    path = table(tmp_path, "appliance_id,fault,confirmed_at\n")

    assert read_confirmed(path, columns()) == []
    with pytest.raises(
        ConfigError, match="lacks the column 'since': it has appliance_id, fault, confirmed_at"
    ):
        read_confirmed(path, columns(onset={"column": "since"}))
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_confirmed(tmp_path / "nowhere.csv", columns())


def test_the_example_of_a_maker_s_history_fits_a_fleet_of_others(shared_data: Path) -> None:
    """Every fault that failed, by the catalogue's name; whoever stayed well has no row."""
    mapping = load_mapping(MAPPINGS / "refrigerator-fleet.yaml")

    found = read_confirmed(shared_data / "fleet-a" / "truth.csv", mapping.outcomes)

    assert len(found) == 12
    assert {one.fault for one in found} <= set(load_catalogue())
    assert all(one.onset and one.confirmed and one.onset.ms < one.confirmed.ms for one in found)
    assert len(recordings([shared_data / "fleet-a"], mapping)) == 30


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_mappings(path: Path) -> None:
    """Of signals that the profile has, in units that can become its own."""
    mapping = load_mapping(path)

    units = load_profiles()[mapping.appliance_model].units
    assert all(conversion(signal.unit, units[name]) for name, signal in mapping.signals.items())
