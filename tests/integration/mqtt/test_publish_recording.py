"""`foremend replay --mqtt` brings a recording to a pipeline as the appliances would have sent it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from foremend.jobs.publish import publish_recording
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_SECOND, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings

BEGIN = 1_700_006_400  # seconds UTC, a midnight
MAP = """
appliance_model: generic-compressor
appliance_id: {file_name: "^(?P<appliance_id>a-[0-9])"}
time: {column: time, format: epoch_s}
signals: {power: {column: watts, unit: W}}
"""


def test_every_reading_comes_once_through_a_broker(
    broker: EmbeddedBroker,
    open_source: Callable[..., Any],
    take_all: Callable[..., list[tuple[RawMessage, Any]]],
    tmp_path: Path,
) -> None:
    """Two appliances with a file each take turns, and yet a message holds sixty readings of one of them."""
    source = open_source()
    for name, minutes in (("a-1", 300), ("a-2", 200)):
        rows = "".join(f"{BEGIN + 60 * minute},{minute}\n" for minute in range(minutes))
        (tmp_path / f"{name}.csv").write_text("time,watts\n" + rows)
    (tmp_path / "map.yaml").write_text(MAP)

    sent = publish_recording([tmp_path], tmp_path / "map.yaml", f"mqtt://127.0.0.1:{broker.port}", None)
    messages = [message for message, _ in take_all(source, sent["messages"])]

    specs = {name: profile.signals for name, profile in load_profiles().items()}
    decoded = Ingest(IngestSettings(oldest=None), specs).decode(messages)
    assert (sent["readings"], sent["messages"], sent["older_than_oldest"]) == (500, 9, 500)
    assert (decoded.dead_letters, decoded.readings) == ([], 500)
    for name, minutes in (("a-1", 300), ("a-2", 200)):
        times = [
            block.time[block.appliance == block.appliance_ids.index(name)]
            for block in decoded.blocks
            if name in block.appliance_ids
        ]
        assert (np.concatenate(times) == MS_PER_SECOND * (BEGIN + 60 * np.arange(minutes))).all()
