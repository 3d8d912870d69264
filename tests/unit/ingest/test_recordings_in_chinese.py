"""Recordings whose words are Chinese, in UTF-8 and as Windows writes them there; names in any script become ids."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.inspection.inspection import inspect
from ingest.inspection.roles import unit_of
from ingest.replay.files import encoding_of
from tests.unit.ingest.test_inspection import TIMES, WATTS, assert_as_it_was, seen, table

ENCODINGS = pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])


@ENCODINGS
@pytest.mark.parametrize("power", ["功率", "有功功率（W）", "总有功功率(W)", "实时功率_W"])
def test_a_table_whose_header_is_chinese(encoding, power, tmp_path):
    """Power is told from the power factor and from reactive power, and the unit in wide brackets is read."""
    file = tmp_path / "log.csv"
    text = table(f"采集时间,功率因数,无功功率,{power}", "{t:%Y/%m/%d %H:%M:%S},0.9,3.{at},{w}")
    file.write_text(text, encoding=encoding)

    assert_as_it_was(file)


def test_kilowatts_in_wide_brackets_are_kilowatts():
    """Also where the numbers would be taken for watts."""
    assert unit_of("功率（kW）", "power", np.array([3.0, 80.0])) == ("kW", None)


@ENCODINGS
def test_a_device_that_is_named_in_chinese_has_an_id(encoding, tmp_path):
    """It was left out, row by row, as no letter of its name may be in an id."""
    file = tmp_path / "log.csv"
    text = table("time,设备名称,power", "{t:%Y-%m-%dT%H:%M:%SZ},厨房 冰箱,{w}")
    file.write_text(text, encoding=encoding)

    assert_as_it_was(file, "ChuFang-BingXiang")


@ENCODINGS
def test_a_long_table_says_machine_and_quantity_in_one_word(encoding, tmp_path):
    """Chinese puts no blank between them; the meter of the house, whose words name no machine, is another one."""
    rows = [
        f"{time:%Y-%m-%d %H:%M:%S},{kind},{value}"
        for time, watts in zip(TIMES, WATTS, strict=True)
        for kind, value in (("冰箱有功功率", watts), ("冷柜功率", watts), ("电压", 230.1))
    ]
    file = tmp_path / "log.csv"
    file.write_text("时间,测点,读数\n" + "\n".join(rows) + "\n", encoding=encoding)

    _, found = seen(file)

    assert [found.count((name, ms, values)) for name, ms, values in found] == [1] * len(found)
    assert {name for name, _, values in found if "power" in values} == {"BingXiang", "LengGui"}
    assert [values["power"] for name, _, values in found if name == "LengGui"] == WATTS


def test_two_names_that_are_read_alike_are_two_machines(tmp_path):
    """Each has an id of its own, in the mapping that is shown."""
    rows = [
        f"{name},{time:%Y-%m-%dT%H:%M:%SZ},{watts}"
        for name in ("Küche", "Kueche", "厨", "橱")
        for time, watts in zip(TIMES, WATTS, strict=True)
    ]
    file = tmp_path / "log.csv"
    file.write_text("device,time,power\n" + "\n".join(rows) + "\n", encoding="utf-8")

    _, found = seen(file)

    assert {name for name, _, _ in found} == {"Kueche", "Kueche-2", "Chu", "Chu-2"}


@pytest.mark.parametrize(
    "word", ["Größe", "Temperatur °C", "Küche", "Énergie", "m²", "ÄÖÜ groß", "señal", "µA"]
)
def test_western_letters_with_marks_are_not_taken_for_chinese(word, tmp_path):
    """Two of them in a row could be a character as well, but none that is in daily use."""
    file = tmp_path / "log.csv"
    file.write_text(f"time,{word}\n1,2\n", encoding="cp1252")

    assert encoding_of(file) == "latin-1"


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"\xc4\xe3", b"\xe9"])
def test_a_damaged_cell_makes_no_other_encoding_of_a_file(damage, tmp_path):
    """Its words are right still, also where the damage could be a character."""
    file = tmp_path / "log.csv"
    text = "".join(f"{name},84.{at}\n" for at, name in enumerate(("Küche", "Größe", "Kühlschrank")))
    file.write_bytes(b"device,power\n" + text.encode() + damage + b",1\n")

    assert encoding_of(file) is None


def test_a_thousand_names_without_a_letter_are_a_thousand_machines_and_more_are_cleaned(tmp_path):
    """Each gets a number; of more names than are looked at, each is made an id by itself."""
    for many, head in ((1_000, "names"), (1_001, "clean")):
        names = ["x"] * 3_000 + ["?" * (1 + n % 40) + "!" * (n // 40) for n in range(many - 1)]
        file = tmp_path / f"{many}.csv"
        file.write_text(
            "device,time,power\n"
            + "".join(
                f"{name},{TIMES[0]:%Y-%m-%dT%H:%M}:{n % 60:02d}Z,{n % 7}\n" for n, name in enumerate(names)
            )
        )

        source = inspect(file, "generic-compressor").mapping.appliance_id

        assert set(source.model_dump(exclude_defaults=True)) == {"column", head}
        assert len(set((source.names or {}).values())) == (many if head == "names" else 0)
