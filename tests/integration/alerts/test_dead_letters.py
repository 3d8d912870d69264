"""Dead letters are so many rows an hour, kept for a time and up to a size, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts import queries
from alerts.dead_letter_bounds import kind
from foremend.vocabulary.types import DeadLetter

DAY = 86_400_000
HOUR = 3_600_000
NOON = 1_767_240_000_000


def test_old_dead_letters_go(stage: Any) -> None:
    """Those within the retention stay; more than a batch of others goes in one round."""
    now = stage.clock.now
    letters = [DeadLetter(f"t/{number}", b"x", "not JSON", now - 91 * DAY) for number in range(1_200)]
    stage.alerts.effects.apply([], [*letters, DeadLetter("t", b"new", "not JSON", now - 89 * DAY)], 1)

    gone = stage.alerts.letters.round()

    [left] = queries.dead_letters(stage.alerts.engine).items
    assert (gone, left["preview"]) == (1_200, "new")


def test_the_oldest_dead_letters_go_when_all_are_too_large(open_stage: Callable[..., Any]) -> None:
    """A flood cannot fill the disk, and what came last can be looked at."""
    stage = open_stage(dead_letters={"most_bytes": 1_048_576})
    now = stage.clock.now
    letters = [DeadLetter("t", bytes([number]) * 65_536, "not JSON", now + number) for number in range(40)]
    stage.alerts.effects.apply([], letters, 1)

    stage.alerts.letters.round()

    page = queries.dead_letters(stage.alerts.engine)
    assert page.total == 15
    assert [item["preview"][0] for item in page.items] == [chr(number) for number in range(39, 24, -1)]


def test_a_message_without_a_byte_can_be_looked_at(stage: Any) -> None:
    """The list that it is in can be read."""
    stage.alerts.effects.apply([], [DeadLetter("t", b"", "not JSON", NOON)], 1)

    [letter] = queries.dead_letters(stage.alerts.engine).items
    assert (letter["bytes"], letter["preview"]) == (0, "")


def test_within_the_bounds_nothing_goes(stage: Any) -> None:
    """A round that has nothing to do does nothing."""
    stage.alerts.effects.apply([], [DeadLetter("t", b"x", "not JSON", stage.clock.now)], 1)

    assert stage.alerts.letters.round() == 0


def test_a_flood_of_one_topic_is_a_bounded_number_of_rows(stage: Any) -> None:
    """5,000 pieces of garbage are 100 rows, whose newest stands for the others; none is forgotten."""
    flood = [DeadLetter("t", b"%d" % n, f"not JSON: at column {n}", NOON + n) for n in range(5_000)]
    for start in range(0, 5_000, 70):
        stage.alerts.effects.apply([], flood[start : start + 70], start + 70)

    page = queries.dead_letters(stage.alerts.engine, limit=200)
    assert (page.total, page.items[0]["times"]) == (100, 4_901)
    assert all(item["times"] == 1 for item in page.items[1:])
    assert queries.counts(stage.alerts.engine).dead_letters == 5_000


def test_another_topic_reason_or_hour_is_kept_during_a_flood(open_stage: Callable[..., Any]) -> None:
    """One broken appliance hides nothing of others, and nothing new of itself."""
    stage = open_stage(dead_letters={"most_per_hour": 2})
    flood = [DeadLetter("t", b"%d" % n, "not JSON: x", NOON) for n in range(50)]
    others = [
        DeadLetter("u", b"", "not JSON: x", NOON),
        DeadLetter("t", b"", "ts: is missing", NOON),
        DeadLetter("t", b"", "not JSON: x", NOON + HOUR),
    ]
    stage.alerts.effects.apply([], [*flood, *others], 1)

    items = queries.dead_letters(stage.alerts.engine).items
    assert sorted(item["times"] for item in items) == [1, 1, 1, 1, 49]


def test_made_up_ids_share_a_bound(open_stage: Callable[..., Any]) -> None:
    """A topic a message goes around the bound of a topic; one row an hour stands for what is too much in all."""
    stage = open_stage(dead_letters={"most_together_per_hour": 30})
    letters = [DeadLetter(f"t/{n}", b"", "not JSON", NOON + n // 300 * HOUR) for n in range(600)]
    for start in range(0, 600, 20):
        stage.alerts.effects.apply([], letters[start : start + 20], start + 20)

    items = queries.dead_letters(stage.alerts.engine, limit=200).items
    stand_ins = [item for item in items if "stands for others of any topic" in item["reason"]]
    assert len(items) == 62
    assert [item["times"] for item in stand_ins] == [270, 270]
    assert queries.counts(stage.alerts.engine).dead_letters == 600


def test_a_replay_counts_nothing_again(open_stage: Callable[..., Any]) -> None:
    """A crash between the commit and the acknowledgement changes neither rows, nor times, nor the total."""
    stage = open_stage(dead_letters={"most_per_hour": 3, "most_together_per_hour": 5})
    letters = [DeadLetter(f"t/{n % 4}", b"%d" % n, "not JSON", NOON + n) for n in range(40)]
    stage.alerts.effects.apply([], letters, 7)
    before = queries.dead_letters(stage.alerts.engine)

    stage = open_stage(dead_letters={"most_per_hour": 3, "most_together_per_hour": 5})
    stage.alerts.effects.apply([], letters, 7)

    assert queries.dead_letters(stage.alerts.engine) == before
    assert sum(item["times"] for item in before.items) == 40
    assert queries.counts(stage.alerts.engine).dead_letters == 40


def test_letters_of_a_stream_that_starts_anew_are_kept(stage: Any) -> None:
    """A topic of Kafka that was made anew counts from 0 again: its letters are there although its position is lower."""
    stage.alerts.effects.apply([], [DeadLetter("t", b"old", "not JSON", NOON)], 900)

    stage.alerts.effects.apply([], [DeadLetter("t", b"new", "not JSON", NOON + 1)], 1)

    assert queries.dead_letters(stage.alerts.engine).total == 2
    assert queries.counts(stage.alerts.engine).dead_letters == 2


def test_writers_of_one_flood_count_every_letter(open_stage: Callable[..., Any]) -> None:
    """Workers that store letters of the same topics at once wait for one another and lose no count."""
    stage = open_stage(dead_letters={"most_per_hour": 5, "most_together_per_hour": 60})

    def write(writer: int) -> None:
        effects = stage.alerts.effects.of(f"letters-{writer}")
        for turn in range(30):
            numbers = range(turn * 20, turn * 20 + 20)
            letters = [
                DeadLetter(f"t/{n * writer % 17}", b"%d" % n, "not JSON", NOON + writer) for n in numbers
            ]
            effects.apply([], letters, turn + 1)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, (1, 2, 3)))

    items = queries.dead_letters(stage.alerts.engine, limit=200).items
    assert queries.counts(stage.alerts.engine).dead_letters == 1_800
    assert sum(item["times"] for item in items) == 1_800
    assert len(items) <= 60 + 3 * 20 + 3


def test_the_total_never_falls(stage: Any) -> None:
    """What retention removes was a dead letter all the same."""
    old = [DeadLetter("t", b"%d" % n, "not JSON", NOON - 91 * DAY) for n in range(150)]
    stage.alerts.effects.apply([], old, 1)

    stage.alerts.letters.round()

    assert queries.dead_letters(stage.alerts.engine).total == 0
    assert queries.counts(stage.alerts.engine).dead_letters == 150


@given(name=st.text(min_size=1), value=st.text(), place=st.integers(1, 10_000))
def test_a_device_cannot_make_up_kinds_of_reasons(name: str, value: str, place: int) -> None:
    """Whatever it writes as a name or a value, one trouble is one kind."""
    told = kind(f"reading {place} of 10000: signals.{name}: {value!r} is not a valid number")

    assert told == kind("signals.power: 'x' is not a valid number")
    assert kind(f"ts: {value!r} is not a valid number") == kind("ts: '' is not a valid number")
