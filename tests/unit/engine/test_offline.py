"""A plug that its broker calls offline is told against the clock that is handed in; many at once are one finding."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from foremend.engine.resting import RestRules
from foremend.vocabulary.types import MS_PER_DAY, Finding
from ingest.presences import as_blocks
from ingest.values import Presence
from tests.unit.engine.test_silence import MINUTE, WALL, every, new_engine, spoken

LOOK_MS = 2 * MINUTE
PLUG = "generic-compressor"
GONE = ("power-gone", "silent-together")


class Home:
    """An engine with config.yaml's rules, looked at every two minutes, and what it told of power gone."""

    def __init__(self, ids: Sequence[str] = ("freezer",), days: float = 0.3) -> None:
        self.engine, self.wall = new_engine(), WALL
        self.found: list[Finding] = []
        self.engine.process(spoken(PLUG, ids, every(10, days)))
        self.minutes = days * 24 * 60
        self.wait(2)

    def wait(self, minutes: float) -> None:
        """Nothing is said for so long, and everybody could be heard."""
        for _ in range(int(minutes * MINUTE / LOOK_MS)):
            self.wall += LOOK_MS
            self.minutes += LOOK_MS / MINUTE
            self._keep(self.engine.advance(self.wall, caught_up=True))

    def says(self, online: bool, *ids: str, model: str = PLUG) -> None:
        """The broker says of each of `ids` that it is online, or offline."""
        for block in as_blocks([Presence(model, one, online, self.wall) for one in ids]):
            self._keep(self.engine.process(block))

    def reads(self, *ids: str) -> None:
        """A reading of each, now."""
        self._keep(self.engine.process(spoken(PLUG, ids, [self.minutes * MINUTE])))

    def _keep(self, found: list[Finding]) -> None:
        self.found += [one for one in found if one.fault in GONE]

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(one.appliance_id, one.fault, one.kind.value) for one in self.found]


def test_a_plug_that_is_offline_is_told_within_the_hour_as_a_warning() -> None:
    """Not before a router could have started anew."""
    home = Home()
    home.says(False, "freezer")
    home.wait(18)
    before = list(home.told)
    home.wait(6)

    assert before == []
    assert home.told == [("freezer", "power-gone", "opened")]
    assert home.found[0].severity.value == "warning"


@pytest.mark.parametrize("by", ["reading", "word"])
def test_it_is_over_when_the_plug_is_back(by: str) -> None:
    """With its first reading, or at the next look after it says `online`."""
    home = Home()
    home.says(False, "freezer")
    home.wait(30)
    if by == "reading":
        home.reads("freezer")
    else:
        home.says(True, "freezer")
        home.wait(2)

    assert home.told == [("freezer", "power-gone", "opened"), ("freezer", "power-gone", "closed")]


@pytest.mark.parametrize("minutes", [2, 16])
def test_one_that_is_soon_back_is_not_told(minutes: int) -> None:
    """Wi-Fi starts anew each night."""
    home = Home()
    for _ in range(5):
        home.says(False, "freezer")
        home.wait(minutes)
        home.says(True, "freezer")
        home.wait(60)
        home.reads("freezer")

    assert home.told == []


def test_many_plugs_offline_at_once_are_one_finding() -> None:
    """A broker that starts anew puts a thousand last wills out; those who stay away are told in one finding."""
    plugs = [f"p{number}" for number in range(1000)]
    home = Home(plugs)
    home.says(False, *plugs)
    home.wait(40)
    told = list(home.told)
    silent = home.engine.silent(home.engine.lanes[PLUG]).sum()
    home.says(True, *plugs)
    home.wait(2)

    assert told == [("*", "silent-together", "opened")]
    assert silent == 1000  # nobody of them is called well
    assert home.told == [*told, ("*", "silent-together", "closed")]


def test_a_thousand_wills_that_are_taken_back_at_once_are_nothing() -> None:
    """All connect again within minutes."""
    plugs = [f"p{number}" for number in range(1000)]
    home = Home(plugs)
    home.says(False, *plugs)
    home.wait(4)
    home.says(True, *plugs)
    home.wait(60)

    assert home.told == []


def test_who_stays_offline_when_the_others_are_back_is_told_alone() -> None:
    """Of twenty, all but one."""
    plugs = [f"p{number}" for number in range(20)]
    home = Home(plugs)
    home.says(False, *plugs)
    home.wait(40)
    home.says(True, *plugs[1:])
    home.reads(*plugs[1:])
    home.wait(4)

    assert home.told == [
        ("*", "silent-together", "opened"),
        ("*", "silent-together", "closed"),
        ("p0", "power-gone", "opened"),
    ]


def test_time_in_which_nobody_listened_is_not_counted() -> None:
    """The pipeline was down for a day; the plug's word is the last thing that it took, and its `online` waits."""
    home = Home()
    home.says(False, "freezer")
    home.wait(10)
    home.wall += MS_PER_DAY
    home.wait(8)
    home.says(True, "freezer")
    home.wait(20)

    assert home.told == []


def test_a_plug_that_is_switched_off_every_night_is_told_twice_and_then_no_more() -> None:
    """A television behind a switched socket: eight hours each night."""
    home = Home()
    for _ in range(6):
        home.says(False, "freezer")
        home.wait(8 * 60)
        home.reads("freezer")
        home.wait(16 * 60 - 10)
        home.reads("freezer")

    assert [kind for _, _, kind in home.told] == ["opened", "closed"] * 2


def test_of_strangers_and_connected_appliances_nothing_is_told() -> None:
    """A removed plug that was never heard, and a refrigerator that keeps its readings while it is offline."""
    home = Home()
    home.engine.process(spoken("rf-260", ["connected"], every(10, 0.3)))
    home.says(False, "never-heard")
    home.says(False, "connected", model="rf-260")
    home.wait(300)

    assert home.told == []
    assert home.engine.heard_of() == 2


def test_a_snapshot_keeps_who_is_offline_and_one_of_before_is_read() -> None:
    """What an earlier version wrote knows nobody who is offline."""
    home = Home()
    home.says(False, "freezer")
    home.wait(10)
    kept, before = home.engine.snapshot(), home.engine.snapshot()
    for name in ("offline_since", "longest_offline", "second_offline"):
        del before[PLUG]["lane"][name]
    for state, told in ((kept, [("freezer", "power-gone", "opened")]), (before, [])):
        again = Home()
        again.engine.restore(state)
        again.wall, again.minutes = home.wall, home.minutes
        again.wait(12)
        assert again.told == told


def test_it_rests_and_comes_back_as_it_was() -> None:
    """What was told of it goes along: it is over with the first reading."""
    home = Home()
    home.says(False, "freezer")
    home.wait(4 * 24 * 60)  # until it is told as silent, too
    home.engine.process(spoken(PLUG, ["other"], every(60, 50, since=46)))
    home.wait(4)
    rested = home.engine.retire(
        RestRules(after=30 * MS_PER_DAY, strangers_after=MS_PER_DAY, most_strangers=10)
    )
    home.engine.readmit(rested)
    home.minutes = 51 * 24 * 60
    home.reads("freezer")

    assert [one.appliance_id for one in rested] == ["freezer"]
    assert home.told == [("freezer", "power-gone", "opened"), ("freezer", "power-gone", "closed")]
