"""What is remembered of devices is bounded, whatever names are made up; who goes on speaking is not forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.memory import MOST_DEVICES, remember

MODEL = "generic-compressor"
MADE_UP = MOST_DEVICES + 500

POWER = {"power": {"path": "switch:0.apower", "unit": "W"}}
PARTLY = {"decoder": "shelly-gen2", "signals": POWER}
SUMS = {"decoder": "esphome", "signals": {"power": {"path": ["phase_a", "phase_b"], "unit": "W"}}}
STATES = {"decoder": "home-assistant", "signals": {"power": {"path": "power", "unit": "W"}}}


def partly(name: str, watts: float) -> tuple[str, bytes]:
    return f"{name}/status/switch:0", json.dumps({"id": 0, "apower": watts}).encode()


def of_sums(name: str, watts: float) -> tuple[str, bytes]:
    return f"{name}/sensor/phase_a/state", str(watts).encode()


def of_states(name: str, watts: float) -> tuple[str, bytes]:
    return f"homeassistant/sensor/{name}_power/state", b"unavailable"


def everybody(entry: dict[str, Any]) -> dict[str, Any]:
    return {"appliance_model": MODEL, **entry}


def flood(
    speaks: Callable[[str, float], tuple[str, bytes]], now: int, often: str | None = None
) -> Iterator[list[RawMessage]]:
    """Made-up names by the thousand, and one that is real in between."""
    for start in range(0, MADE_UP, 1_000):
        names = [f"made-up-{number}" for number in range(start, min(start + 1_000, MADE_UP))]
        names += [often] if often else []
        yield [RawMessage(*speaks(name, 60.0), now + start) for name in names]


def remembered(ingest: Ingest) -> int:
    """The largest number of devices that one place of the decoder knows."""
    (state,) = ingest.snapshot()["decoders"]
    return max(len(state), *(len(part) for part in state.values()), 0)


@pytest.mark.parametrize(
    ("entry", "speaks"),
    [(PARTLY, partly), (SUMS, of_sums), (STATES, of_states)],
    ids=["in parts", "added up", "away"],
)
def test_made_up_devices_are_remembered_within_bounds(
    make_ingest: Callable[..., Ingest], now: int, entry: dict[str, Any], speaks: Any
) -> None:
    """More names than are kept: memory stays what it was, and the longest unheard is forgotten."""
    ingest = make_ingest(decoders=[everybody(entry)])

    for messages in flood(speaks, now):
        ingest.decode(messages)

    assert remembered(ingest) == MOST_DEVICES


def test_a_device_that_goes_on_speaking_is_known_after_a_flood_of_made_up_ones(
    make_ingest: Callable[..., Ingest], now: int
) -> None:
    """Its other phase was heard once, and is added still: a flood of names costs nobody but the made-up."""
    ingest = make_ingest(decoders=[everybody(SUMS)])
    ingest.decode([RawMessage("real/sensor/phase_b/state", b"40", now)])

    for messages in flood(of_sums, now, often="real"):
        decoded = ingest.decode(messages)

    (block,) = decoded.blocks
    power = block.signals["power"][[block.appliance_ids[at] == "real" for at in block.appliance]]
    assert power.tolist() == [100.0]


def test_a_plant_whose_births_were_missed_is_asked_little_by_little(
    make_ingest: Callable[..., Ingest], now: int
) -> None:
    """10,000 nodes speak in one second: 20 are asked for a rebirth in it, the others as they speak again."""
    entry = {"decoder": "sparkplug-b", "signals": {"power": {"path": "Meter/Power", "unit": "W"}}}
    ingest = make_ingest(decoders=[everybody(entry)])
    by_alias = bytes.fromhex(
        "0888cec7f4b432120e100a1888cec7f4b432650080b442120d100c1888cec7f4b43250edff031802"
    )

    asked = []
    for second in range(3):
        at = now + 1_000 * second
        for start in range(0, 10_000, 1_000):
            topics = [f"spBv1.0/Plant/NDATA/edge-{number}" for number in range(start, start + 1_000)]
            ingest.decode([RawMessage(topic, by_alias, at) for topic in topics])
        asked.append(len(ingest.requests()))

    assert asked == [20, 20, 20]


def born(aliases: int) -> bytes:
    """A birth with so many metrics that have a number, one that has none, and no time."""
    numbered = b"".join(
        b"\x12" + bytes([len(one)]) + one
        for one in (b"\x0a\x01x\x10" + bytes([number]) for number in range(aliases))
    )
    return numbered + b"\x12\x03\x0a\x01y"


def devices_of(ingest: Ingest) -> dict[str, dict[str, dict[str, str]]]:
    """Node -> device -> what its aliases stand for, as remembered."""
    (state,) = ingest.snapshot()["decoders"]
    return {node: names for node, (_, names, _) in state["nodes"].items()}


SPARKPLUG = {"decoder": "sparkplug-b", "signals": {"power": {"path": "Meter/Power", "unit": "W"}}}


def test_of_one_node_the_thousand_devices_that_were_born_last_are_known(
    make_ingest: Callable[..., Ingest], now: int
) -> None:
    """A node that makes up devices forgets its own oldest ones."""
    ingest = make_ingest(decoders=[everybody(SPARKPLUG)])

    ingest.decode([RawMessage(f"spBv1.0/P/DBIRTH/edge/d{number}", born(1), now) for number in range(1_200)])

    assert list(devices_of(ingest)["P/edge"]) == [f"d{number}" for number in range(200, 1_200)]


@pytest.mark.parametrize("aliases", [0, 1, 50])
def test_what_all_nodes_together_say_at_birth_is_remembered_within_bounds(
    make_ingest: Callable[..., Ingest], now: int, monkeypatch: pytest.MonkeyPatch, aliases: int
) -> None:
    """Aliases and devices, also those without any alias: the nodes heard of last are known, the others asked."""
    monkeypatch.setattr("ingest.decoders.sparkplug._MOST_ALIASES", 3_000)
    ingest = make_ingest(decoders=[everybody(SPARKPLUG)])

    births = [
        RawMessage(f"spBv1.0/P/DBIRTH/n{number // 20}/d{number}", born(aliases), now)
        for number in range(4_000)
    ]
    ingest.decode(births)

    kept = devices_of(ingest)
    said = sum(1 + len(names) for devices in kept.values() for names in devices.values())
    assert 0 < 3_000 - 20 * (aliases + 1) <= said <= 3_000
    assert list(kept) == [f"P/n{number}" for number in range(200 - len(kept), 200)]


@given(names=st.lists(st.sampled_from("abcdefgh"), max_size=60), most=st.integers(1, 6))
def test_the_names_that_are_kept_are_those_heard_of_last(names: list[str], most: int) -> None:
    """Whatever the order, what is left is the newest word of the newest names."""
    known: dict[str, int] = {}

    for number, name in enumerate(names):
        remember(known, name, number, most)

    newest = {name: number for number, name in enumerate(names)}
    kept = sorted(newest, key=newest.__getitem__)[-most:]
    assert known == {name: newest[name] for name in kept}
    assert list(known) == kept
