"""Every place that holds anything about an owner is declared, and what the declaration says is in the docs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from alerts.personal.erasure import Job
from alerts.personal.places import IMPERSONAL, TABLES, Link, data_map
from alerts.personal.report import PLACES, report
from alerts.personal.whose import Whose, mentions
from alerts.tables import Base
from foremend.config import Settings
from foremend.installation.erasing import kept

DOCS = Path(__file__).parents[3] / "docs" / "owners.md"
TELLS_WHOSE = {"appliance_id", "owner_id", "subject", "contact", "payload", "ticket_id", "episode_id"}
DECLARED = {one.table.__tablename__: one for one in TABLES}
NAME = st.text("abcxyz0189-", min_size=1, max_size=8)


def test_every_table_is_declared_as_personal_or_as_not() -> None:
    """A new table fails here until somebody says whose data it holds, or why nobody's."""
    tables = set(Base.metadata.tables)

    assert tables == set(DECLARED) | set(IMPERSONAL)
    assert not set(DECLARED) & set(IMPERSONAL)


def test_no_table_that_names_an_owner_or_an_appliance_counts_as_impersonal() -> None:
    """By the names of its columns."""
    named = {
        name
        for name in IMPERSONAL
        if TELLS_WHOSE & {column.name for column in Base.metadata.tables[name].columns}
    }

    assert named == set()


def test_every_declared_column_is_one_of_the_table() -> None:
    """What tells whose a row is, and how old."""
    for place in TABLES:
        columns = {column.name for column in place.table.__table__.columns}
        assert place.name == place.table.__tablename__
        assert {place.column, place.age} - {""} <= columns
        assert place.link in Link


def test_the_report_of_an_erasure_has_words_for_every_place() -> None:
    """In both languages; the audit log's are of its entries, and an erasure and what keeps it out are its own."""
    without = {"audit", "erasures", "forgotten"}

    assert {place.name for place in TABLES} - without <= set(PLACES)
    assert all(len(set(words)) == 2 for words in PLACES.values())


def test_the_data_map_in_the_docs_is_the_declaration() -> None:
    """Row by row: where, what, why, how long, who reads it."""
    text = DOCS.read_text()
    rows = [
        f"| `{one['where']}` | {one['what']} | {one['why']} | `{one['kept']}` | {one['readers']} |"
        for one in data_map()
    ]

    assert [row for row in rows if row not in text] == []


@given(NAME, NAME, NAME)
def test_a_name_is_found_where_it_stands_alone_and_nowhere_else(name: str, before: str, after: str) -> None:
    """Between slashes, quotes or spaces; not as a part of a longer one."""
    named = mentions({name})

    assert named(f"dt/appliance/rf-260/{name}/telemetry")
    assert named(f'{{"appliance_id":"{name}"}}')
    assert named(name)
    assert not named("")
    assert not named("/")
    assert not named(f"{before}{name}")
    assert not named(f"{name}{after}")


def test_names_that_are_no_plain_words_are_found_too() -> None:
    """Of devices, as people name them."""
    named = mentions({"Kühlschrank Küche", "a.b@c"})

    assert named("zigbee2mqtt/Kühlschrank Küche")
    assert named("owner a.b@c.")
    assert not named("zigbee2mqtt/Kühlschrank Küchenzeile")


def test_the_report_says_what_models_keep_of_anybody(tmp_path: Path) -> None:
    """They are trained from history, and no erasure looks into them."""
    settings = Settings.model_validate({"storage": {"folder": tmp_path}})
    whose = Whose("o-1", ())
    found = report(Job("er-1", "case 7", "done", 0, 1, 1, whose, {"kept": kept(settings)}, ""))

    said = {one["what"]: one["en"] for one in found["kept"]}
    assert said["models"].startswith("Models trained from history")
