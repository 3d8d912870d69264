"""How much more memory a pipeline takes for a backlog than for the same messages as they come.

    python -m benchmarks.backlog [--messages 1000000] [--times 3] [--json]

A real Mosquitto keeps `--messages` of one reading for the pipeline's persistent session; then `foremend run` starts as
a process of its own. At rest means: another one has used the same messages live, never more than 2,000 of them waiting,
has written a checkpoint, and waits for more. What it keeps of 500 appliances is the same then: only the backlog
differs. Peaks are of VmHWM, the most that was ever resident, so nothing is missed between two looks. The two take
turns, `--times` times, and medians are compared. History's upkeep, which comes by the clock and so more often to the
one that takes longer, is kept out of both.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import yaml

from benchmarks.mosquitto_server import Mosquitto
from benchmarks.mqtt_load import APPLIANCES, send_all
from benchmarks.signals import end_in_order
from foremend.commands.demo.processes import free_port, process
from foremend.history.parquet_folder import Folder as ParquetFolder
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.topics import TELEMETRY_WILDCARD
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

AT_ONCE = 4 * APPLIANCES
PATIENCE_S = 600.0
_LOOK_S = 0.05

Metrics = dict[str, float]


@dataclass(frozen=True)
class Backlog:
    """What was measured, medians; memory in MB of 1,000,000 bytes."""

    messages: int
    times: int
    rest_mb: float
    peak_mb: float
    more_mb: float
    seconds: float
    messages_per_s: int
    late_readings: int
    all_rest_mb: tuple[float, ...]
    all_peak_mb: tuple[float, ...]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = asdict(measure(arguments.messages, arguments.times))
    lines = json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result.items())
    sys.stdout.write(f"{lines}\n")


def measure(messages: int, times: int) -> Backlog:
    """Both pipelines, each with a broker and a folder of its own, one after the other, `times` times."""
    rests, peaks, seconds, late = list[float](), list[float](), list[float](), 0
    for _ in range(times):
        rest_kb, _, _ = peak_of(messages, live=True)
        peak_kb, took, too_late = peak_of(messages)
        rests.append(round(rest_kb * 1024 / 1e6, 1))
        peaks.append(round(peak_kb * 1024 / 1e6, 1))
        seconds.append(took)
        late += too_late
    rest, peak, took = (statistics.median(each) for each in (rests, peaks, seconds))
    return Backlog(
        messages, times, rest, peak, round(peak - rest, 1), round(took, 1), round(messages / took), late,
        tuple(rests), tuple(peaks),
    )  # fmt: skip


def peak_of(messages: int, live: bool = False) -> tuple[int, float, int]:
    """The most kB that were resident while so many messages were used, the seconds, and readings too late.

    They wait for the pipeline, or come while it runs where `live` is set.
    """
    with tempfile.TemporaryDirectory(prefix="foremend-backlog-") as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = Mosquitto(folder / "broker")
        folder.chmod(0o755)  # Mosquitto leaves root behind
        broker.start()
        try:
            if not live:
                leave_waiting(broker, messages)
            return _run(folder, broker, messages, live)
        finally:
            broker.stop()


def leave_waiting(broker: Mosquitto, messages: int) -> None:
    """Make the pipeline's session, and publish while nobody is there."""
    source = MqttSource(MqttSettings(url=broker.url, subscribe=(TELEMETRY_WILDCARD,)))
    source.connect()
    source.close()
    send_all(broker.port, messages, 1)


def _run(folder: Path, broker: Mosquitto, messages: int, live: bool) -> tuple[int, float, int]:
    page = free_port()
    config = configured(folder, broker, page)
    (folder / "var").mkdir(mode=0o700)
    with (
        ParquetFolder(folder / "var" / "history").upkeep(),
        process(["run", "--config", str(config)], folder / "pipeline.log") as child,
    ):
        begun = time.monotonic()
        if live:
            wait(child, page, lambda counts: counts.get("broker_connected", 0) == 1)
        for first in range(0, messages, AT_ONCE) if live else ():
            send_all(broker.port, AT_ONCE, 1, first)
            wait(child, page, used(first + AT_ONCE))
        wait(child, page, used(messages))
        snapshot = folder / "var" / "engine.snapshot"
        counts = wait(child, page, lambda counts: snapshot.exists())
        seconds = time.monotonic() - begun
        return peak_kb(child.pid), seconds, int(counts["late_readings_total"])


def configured(folder: Path, broker: Mosquitto, page: int) -> Path:
    """The configuration of a pipeline with all its files in `folder` and its page on `page`."""
    config = folder / "config.yaml"
    written = {
        "extends": "shipped",
        "service": {"port": page},
        "storage": {"folder": str(folder / "var")},
        "mqtt": {"url": broker.url},
        "models": {"registry": str(folder / "models"), "appliance_models": []},
        "alerts": {"database": f"sqlite:///{folder}/foremend.db", "key_file": str(folder / "key")},
    }
    config.write_text(yaml.safe_dump(written))
    return config


def used(messages: int) -> Callable[[Metrics], bool]:
    return lambda counts: counts.get("messages_total", 0) >= messages


def wait(child: subprocess.Popen[bytes], page: int, holds: Callable[[Metrics], bool]) -> Metrics:
    """Look until `holds`; the numbers of the last look. Raises UnavailableError when that never comes."""
    end = time.monotonic() + PATIENCE_S
    while not holds(counts := metrics(page)):
        if child.poll() is not None or time.monotonic() > end:
            raise UnavailableError(f"the pipeline did not go on: code {child.returncode}")
        time.sleep(_LOOK_S)
    return counts


def metrics(port: int) -> Metrics:
    """Those of a pipeline without labels; empty until it answers."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30.0).text
    except httpx.TransportError:
        return {}
    return {name: float(value) for name, value in re.findall(r"^foremend_(\w+) (\S+)$", text, re.MULTILINE)}


def peak_kb(pid: int) -> int:
    """The most that was ever resident of a process, kB."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


if __name__ == "__main__":
    end_in_order()
    main()
