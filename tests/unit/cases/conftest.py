"""Inputs of people's own, as they came: ../shared/cases, read in place; the README of each says what is expected."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from foremend.config import load_settings
from foremend.jobs.replay import replay_recording
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.replay.mapping import ReplayMapping
from ingest.values import Decoded

CASES = Path(__file__).parents[3] / ".." / "shared" / "cases"
NOW = dt.datetime(2026, 11, 20, 12, 0, 0, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Heard:
    """What a case's messages became."""

    decoded: Decoded

    @property
    def readings(self) -> list[tuple[str, int, dict[str, float]]]:
        """(appliance id, age in s, signals that are there) of each."""
        return [
            (
                block.appliance_ids[block.appliance[row]],
                round(NOW.timestamp() - block.time[row] / 1_000),
                {name: float(one[row]) for name, one in block.signals.items() if not math.isnan(one[row])},
            )
            for block in self.decoded.blocks
            for row in range(len(block))
        ]


def _case(number: int) -> Path:
    """The folder of a case; skips where ../shared is not there."""
    if not CASES.is_dir():
        pytest.skip(f"no cases at {CASES}: they are not part of the project")
    (folder,) = CASES.glob(f"{number:02}-*")
    return folder


@pytest.fixture
def case() -> Callable[[int], Path]:
    """The folder of a case."""
    return _case


@pytest.fixture
def hear() -> Callable[[int], Heard]:
    """A case's messages through the decoders as its config.yaml sets them (see decode.py beside it)."""

    def of(number: int) -> Heard:
        folder = _case(number)
        settings = load_settings(folder / "config.yaml")
        ingest = Ingest(settings.ingest, {name: p.signals for name, p in load_profiles().items()})
        lines = (folder / "messages.jsonl").read_text(encoding="utf-8").splitlines()
        return Heard(ingest.decode([_message(json.loads(line)) for line in lines]))

    return of


@pytest.fixture
def replay() -> Callable[..., dict[str, Any]]:
    """`foremend replay` of a case's recording with the case's own mapping, or another."""

    def of(
        number: int, file: str | Path, mapping: str | Path | ReplayMapping = "mapping.yaml"
    ) -> dict[str, Any]:
        folder = _case(number)
        mapped = mapping if isinstance(mapping, ReplayMapping) else folder / mapping
        return replay_recording([folder / file], mapped, CASES / "config-none.yaml")

    return of


def _message(said: dict[str, Any]) -> RawMessage:
    text = said["payload"] if isinstance(said["payload"], str) else json.dumps(said["payload"])
    at = (NOW + dt.timedelta(seconds=said.get("clock", 0))).astimezone(BERLIN)
    text = text.replace("{now}", at.strftime("%Y-%m-%dT%H:%M:%S"))
    text = text.replace('"{epoch}"', str(int(NOW.timestamp())))
    received = NOW + dt.timedelta(seconds=said.get("at", 0))
    return RawMessage(
        said["topic"], text.encode(), int(received.timestamp() * 1_000), said.get("retained", False)
    )
