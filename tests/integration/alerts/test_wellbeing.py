"""A household that falls silent: its contact is told once, nobody else hears of it, and a no ends it at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import select

from alerts import queries
from alerts.audit import verify
from alerts.database import reading
from alerts.owners import OwnedAppliance, Owner
from alerts.queries.own import told_to
from alerts.queries.withheld import HeldBackFilter, held_back_now, some_held_back
from alerts.tables import (
    AuditRow,
    FindingRow,
    HeldBackRow,
    OutboxRow,
    OutboxState,
    TicketRow,
    WellbeingContactRow,
    WellbeingRow,
    WellbeingSignsRow,
)
from alerts.wellbeing.contacts import Contact
from alerts.wellbeing.telling import Found
from alerts.wellbeing.to_contact import short
from alerts.words.loading import LANGUAGES, words_of
from alerts.words.sms import MOST_PARTS, parts
from foremend.history.parquet import ParquetHistory
from foremend.jobs.wellbeing import WellbeingRounds
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block, Purpose
from foremend.vocabulary.wellbeing import Level

HOUR = 3_600_000
DAY = 24 * HOUR
MODEL = "rf-260"
NUMBER = "+8613912345678"
LEARNT = 28
USES = (7, 7.5, 12, 12.4, 18, 19, 22)


@dataclass
class Home:
    """A stage whose owner `o-1` has `fridge-1`, opened at 7 each morning and some times later, for four weeks."""

    stage: Any
    history: ParquetHistory
    rounds: WellbeingRounds
    midnight: int  # of the last day, in Shanghai
    opened: int = 0
    position: int = 0

    def live(self, day: int, uses: Sequence[float] = USES, appliance: str = "fridge-1") -> None:
        """One day of readings every ten minutes; of day 0 on nothing was read yet."""
        minutes = np.arange(0, 24 * 60, 10)
        opened = self.opened + np.searchsorted(np.array(uses) * 60, minutes, side="right")
        self.opened = int(opened[-1]) if len(opened) else self.opened
        times = self.midnight + day * DAY + minutes * 60_000
        count = len(times)
        block = Block(
            MODEL, (appliance,), np.zeros(count, np.int32), times, np.arange(count),
            {"door_openings": opened.astype(float)},
        )  # fmt: skip
        self.history.write(block)
        self.history.flush(self.position, self.position + 1)
        self.position += 1

    def look(self, day: int, hour: float) -> int:
        """A round, and all that leaves after it."""
        self.stage.clock.now = self.midnight + day * DAY + round(hour * HOUR)
        told = self.rounds.round()
        self.stage.alerts.dispatcher.run_once()
        return told

    def messages(self) -> list[str]:
        return [one.body for one in self.stage.sent("sms") if one.address == NUMBER]

    def rows(self, table: Any) -> list[Any]:
        with reading(self.stage.alerts.engine) as session:
            return list(session.scalars(select(table)))


@pytest.fixture
def home(open_stage: Callable[..., Any], tmp_path: Path) -> Home:
    stage = open_stage(stop_url="https://m.example")
    history = ParquetHistory(tmp_path / "history", "j")
    rounds = WellbeingRounds(stage.alerts.wellbeing, history, load_profiles(), stage.clock)
    stage.clock.now -= 60 * DAY
    home = Home(stage, history, rounds, stage.clock.now + 60 * DAY - 12 * HOUR)
    with_model(stage)
    for day in range(-LEARNT, 0):
        home.live(day)
    home.live(0, ())
    stage.alerts.contacts.add("o-1", Contact("sms", NUMBER, "en", "Grandma"), "test")
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.WELLBEING, True)
    return home


def with_model(stage: Any) -> None:
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", MODEL)])


def with_another_home(home: Home, name: str) -> None:
    """Of another owner, with a contact; its refrigerator never spoke."""
    alerts, appliance, owner = home.stage.alerts, f"fridge-{name}", f"o-{name}"
    alerts.owners.register_owners([Owner(owner, {})])
    alerts.owners.register_appliances([OwnedAppliance(appliance, owner, MODEL)])
    alerts.contacts.add(owner, Contact("sms", NUMBER, "en"), "test")
    for purpose in (Purpose.MONITORING, Purpose.WELLBEING):
        alerts.consents.say(appliance, [purpose], True, owner_id=owner, how="app")


def test_each_level_of_a_silence_is_told_once(home: Home) -> None:
    """However often it is looked at; from mild to urgent, with the last sign of life in the time of the household."""
    assert home.look(0, 6.5) == 0
    for quarter in range(7 * 4, 24 * 4):
        home.look(0, quarter / 4)

    said = home.messages()
    assert len(said) == 3
    last_sign = re.search(r"since (\S+ \S+?)[;( ]", said[0])
    assert last_sign is not None
    assert last_sign[1].endswith("22:00")
    for text, asks in zip(said, ("have a look", "call", "go there"), strict=True):
        assert text.startswith("Foremend: Grandma: ")
        assert asks in text
        assert "https://m.example/w/" in text
        assert parts(text) <= MOST_PARTS
    assert verify(home.stage.alerts.engine).intact


def test_nobody_is_told_where_life_goes_on(home: Home) -> None:
    """Looked at every quarter of an hour of an ordinary day."""
    for quarter in range(4 * 24):
        home.look(-1, quarter / 4)

    assert home.messages() == []


def test_life_seen_again_is_told_once_to_whom_the_silence_was_told(home: Home) -> None:
    """One closing word; the next silence is told anew."""
    home.look(0, 13)
    assert len(home.messages()) > 0
    told = len(home.messages())
    home.live(1)

    for hour in (8, 9, 10):
        home.look(1, hour)

    [closing] = home.messages()[told:]
    assert "signs of life at home again" in closing
    home.live(2, ())
    home.look(2, 13)
    assert len(home.messages()) == told + 2


@pytest.mark.parametrize("purpose", [Purpose.WELLBEING, Purpose.MONITORING])
def test_a_no_ends_it_at_once(home: Home, purpose: Purpose) -> None:
    """What waits does not leave, and nothing that was kept stays; with the yes to wellbeing the contacts go, too."""
    home.stage.clock.now = home.midnight + 13 * HOUR
    home.rounds.round()
    assert [row.state for row in home.rows(OutboxRow) if row.event_type == "foremend.wellbeing"] == [
        OutboxState.PENDING
    ]
    assert home.rows(WellbeingSignsRow)
    assert home.rows(WellbeingRow)

    home.stage.say(purpose, False)
    home.stage.alerts.dispatcher.run_once()
    home.look(0, 14)

    assert home.messages() == []
    assert home.rows(WellbeingSignsRow) == []
    if purpose is Purpose.WELLBEING:
        assert home.rows(WellbeingRow) == home.rows(WellbeingContactRow) == []


def test_a_yes_that_ends_by_itself_stops_a_message_that_waits(home: Home) -> None:
    """The gate asks at the moment of sending, before anybody has told that it ended."""
    home.stage.clock.now = home.midnight + 13 * HOUR
    home.rounds.round()

    home.stage.clock.now += 800 * DAY
    home.stage.alerts.dispatcher.run_once()
    assert home.messages() == []
    home.stage.alerts.endings.round()
    assert home.rows(WellbeingSignsRow) == home.rows(WellbeingContactRow) == []


def test_nothing_leaves_to_a_contact_that_was_let_go(home: Home) -> None:
    """While the message waited."""
    home.stage.clock.now = home.midnight + 13 * HOUR
    home.rounds.round()
    [contact] = home.stage.alerts.contacts.some("o-1", "test")

    home.stage.alerts.contacts.remove("o-1", contact["id"], "test")
    home.stage.alerts.dispatcher.run_once()

    assert home.messages() == []


def test_a_contact_is_reached_by_the_channel_that_was_chosen(open_stage: Callable[..., Any]) -> None:
    """The policy's channels are of messages to owners: none of SMS under `EU` keeps a contact from being told."""
    stage = open_stage(jurisdiction="EU")
    stage.alerts.contacts.add("o-1", Contact("sms", NUMBER, "de"), "test")
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.WELLBEING, True)
    [household] = stage.alerts.wellbeing.households()

    now = stage.clock.now
    stage.alerts.wellbeing.tell(household, Found(Level.GO, now - DAY, now - HOUR), now - DAY)
    stage.alerts.dispatcher.run_once()

    [told] = stage.sent("sms")
    assert "hingehen" in told.body
    assert (told.blanks.kind, told.blanks.words["name"]) == ("go", "您关心的家庭")


def test_a_night_that_is_lived_like_a_day_is_told_as_what_it_is(home: Home) -> None:
    """No silence is told of, and no life that is seen again."""
    home.stage.clock.now = home.midnight + 13 * HOUR
    [household] = home.stage.alerts.wellbeing.households()
    night = home.midnight + 3 * HOUR

    home.stage.alerts.wellbeing.tell(household, Found(Level.CALL, night, night, shifted=True), night)
    home.stage.alerts.wellbeing.tell(household, None, night + HOUR)
    home.stage.alerts.dispatcher.run_once()

    assert home.messages() == []  # it was over before it left
    home.stage.alerts.wellbeing.tell(household, Found(Level.GO, night, night, shifted=True), night)
    home.stage.alerts.dispatcher.run_once()
    home.stage.alerts.wellbeing.tell(household, None, night + HOUR)
    home.stage.alerts.dispatcher.run_once()
    [told] = home.messages()
    assert "at unusual hours, last at" in told


def test_without_a_yes_or_a_contact_nothing_is_read_and_nothing_kept(home: Home) -> None:
    """Nobody looks for signs of life where nobody would be told."""
    [contact] = home.stage.alerts.contacts.some("o-1", "test")
    home.stage.alerts.contacts.remove("o-1", contact["id"], "test")
    home.look(0, 13)
    assert home.rows(WellbeingSignsRow) == []

    home.stage.say(Purpose.WELLBEING, False)
    home.stage.alerts.contacts.add("o-1", Contact("sms", NUMBER, "en"), "test")
    home.look(0, 14)
    assert home.rows(WellbeingSignsRow) == []


def test_an_absence_that_was_said_is_no_silence(home: Home) -> None:
    """Until its end; who says to be well is asked for no sooner than the next day."""
    home.stage.clock.now = home.midnight + 5 * HOUR
    home.stage.alerts.wellbeing.away("o-1", home.midnight + 20 * DAY, "owner")
    for hour in range(6, 24):
        home.look(0, hour)
    assert home.messages() == []

    home.stage.alerts.wellbeing.well("o-1", "owner")
    assert home.stage.alerts.wellbeing.house("o-1").away == (
        (home.midnight + 5 * HOUR, home.stage.clock.now),
    )


def test_all_is_well_ends_a_silence_with_a_word(home: Home) -> None:
    """To everybody whom the silence was told."""
    home.look(0, 13)
    told = len(home.messages())

    home.stage.alerts.wellbeing.well("o-1", "owner")
    home.look(0, 13.5)
    home.look(0, 14)

    assert len(home.messages()) == told + 1
    assert "all is well" in home.messages()[-1]


def test_words_of_nobody_who_agreed_are_refused(home: Home) -> None:
    """And an absence that is over already, or never ends."""
    wellbeing, now = home.stage.alerts.wellbeing, home.stage.clock.now
    for until in (now, now + 400 * DAY):
        with pytest.raises(InputError, match="an absence ends after now"):
            wellbeing.away("o-1", until, "owner")
    home.stage.say(Purpose.WELLBEING, False)
    with pytest.raises(InputError, match="for no appliance"):
        wellbeing.well("o-1", "owner")


def test_no_list_says_that_a_contact_was_told(home: Home) -> None:
    """No ticket, no finding, nothing held back or waiting, no message and no event; the log names neither."""
    for hour in range(7, 24):
        home.look(0, hour)
    assert len(home.messages()) == 3
    engine = home.stage.alerts.engine

    assert home.rows(FindingRow) == home.rows(TicketRow) == home.rows(HeldBackRow) == []
    assert queries.outbox(engine).items == []
    assert told_to(engine, "o-1", 50) == []
    assert held_back_now(engine) == []
    assert some_held_back(engine, HeldBackFilter(waits=True), 50, None).items == []
    assert home.stage.sent("webhook:platform") == []
    said = [f"{row.action} {row.details}" for row in home.rows(AuditRow) if row.action.startswith("message")]
    assert len(said) == 3
    assert not any("wellbeing" in one for one in said)


def test_a_look_waits_for_the_morning_and_no_list_shows_that_it_waits(home: Home) -> None:
    """What is urgent comes at night, too."""
    home.stage.clock.now = home.midnight + 23 * HOUR
    home.rounds.round()
    home.stage.alerts.dispatcher.run_once()

    assert ["go there" in one for one in home.messages()] == [True]


def test_what_is_kept_is_sealed(home: Home) -> None:
    """The table says of whom, and no more: neither when somebody was up nor what a message says."""
    home.look(0, 13)

    [signs], [house] = home.rows(WellbeingSignsRow), home.rows(WellbeingRow)
    told = [row.body for row in home.rows(OutboxRow) if row.event_type == "foremend.wellbeing"]
    for sealed in (signs.sealed, house.sealed, told[0].encode()):
        assert sealed.startswith(b"gAAAA")
    kept = home.stage.alerts.wellbeing.signs(["fridge-1"])["fridge-1"]
    assert len(kept.minutes) == LEARNT * len(USES)


def test_one_household_that_cannot_be_looked_at_keeps_no_other_from_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with it, also what nobody foresaw; the round says so at its end."""
    with_another_home(home, "0")
    read = home.history.read

    def broken(model: str, since: int, until: int, appliances: Collection[str]) -> Any:
        if "fridge-0" in appliances:
            raise ValueError("a column of another kind")
        return read(model, since, until, appliances)

    monkeypatch.setattr(home.history, "read", broken)
    with pytest.raises(ValueError, match="of another kind"):
        home.look(0, 13)

    home.stage.alerts.dispatcher.run_once()
    assert len(home.messages()) == 1


def test_a_round_reads_what_many_share_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever agreed since is read sixty days of, and nobody else for it."""
    with_another_home(home, "0")
    home.live(0, (), "fridge-0")
    home.look(0, 6)
    with_another_home(home, "2")
    asked: list[tuple[int, set[str]]] = []
    read = home.history.read

    def noted(model: str, since: int, until: int, appliances: Collection[str]) -> Any:
        asked.append(((until - since) // DAY, set(appliances)))
        return read(model, since, until, appliances)

    monkeypatch.setattr(home.history, "read", noted)
    home.look(0, 6.25)

    assert sorted(asked) == [(0, {"fridge-0", "fridge-1"}), (60, {"fridge-2"})]


def test_a_round_reads_a_day_and_not_sixty(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first one; and it finds what came late."""
    home.look(0, 6)
    asked: list[int] = []
    read = home.history.read

    def counted(model: str, since: int, until: int, appliances: Collection[str]) -> Any:
        asked.append(until - since)
        return read(model, since, until, appliances)

    monkeypatch.setattr(home.history, "read", counted)
    home.look(0, 6.25)
    home.look(9, 6)
    home.look(9, 6.25)

    assert asked[0] < 9 * HOUR
    assert asked[-1] < 33 * HOUR


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("word", ["look", "call", "go", "shift", "seen", "well", "away"])
@pytest.mark.parametrize("name", ["Grandmother Maximiliane, in Freiburg", "奶奶", "奶" * 24])
def test_every_word_is_two_sms_at_most(language: str, word: str, name: str) -> None:
    """With a long name or one of another script, and a link: what is to be done is never cut off."""
    words = words_of(language).to_contact
    moment = 1_767_240_000_000
    said = {"word": word, "since": moment, "by": moment, "until": moment}
    link = "https://messages.example.com/w/" + "Z" * 20

    text = short(words, said, name, ZoneInfo("Europe/Berlin"), words.link.format(link=link))

    assert parts(text) <= MOST_PARTS
    assert text.endswith(link)
    assert ".." not in text
