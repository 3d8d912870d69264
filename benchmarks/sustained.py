"""Whether memory stays flat under a load that lasts: half of this machine's top rate, for half an hour.

    python -m benchmarks.sustained [--minutes 30] [--json]

A real Mosquitto and `foremend run` as a process of its own. First the top rate is measured, with 100,000 messages of
one reading as fast as they go through; then half of it is sent, second by second. Each message is a minute later than
the one before it from the same appliance, so days pass in which windows, days and history files close. Memory is
resident memory, looked at every second; a minute counts with its median. Flat means that the last ten minutes (the
last third of a shorter run) differ by at most 1 % of their mean. Ends with 1 where memory is not flat or a message was
not used.
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
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.backlog import configured, metrics, used, wait
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.mqtt_load import send_all
from benchmarks.signals import end_in_order
from foremend.commands.demo.processes import free_port, process

AT_MOST_PERCENT = 1.0
_FAST_MESSAGES = 100_000
_LAST_MINUTES = 10
_DAYS_AGO = 120
"""Event time runs up to this long from its beginning to now: 170,000 messages of each of the appliances."""


@dataclass(frozen=True)
class Sustained:
    """What was measured; memory in MB of 1,000,000 bytes."""

    top_messages_per_s: int
    messages_per_s: int
    messages: int
    minutes_mb: tuple[float, ...]
    last_differ_percent: float
    peak_mb: float
    used_all: bool

    @property
    def flat(self) -> bool:
        """Whether the last minutes differ by no more than they may, and everything was used."""
        return self.used_all and self.last_differ_percent <= AT_MOST_PERCENT


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sustained",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.minutes)
    told = {**asdict(result), "flat": result.flat}
    lines = json.dumps(told) if arguments.json else "\n".join(f"{k}: {v}" for k, v in told.items())
    sys.stdout.write(f"{lines}\n")
    return 0 if result.flat else 1


def measure(minutes: int) -> Sustained:
    """The whole of it, with a broker and a folder of its own. Raises UnavailableError where the pipeline ends."""
    with tempfile.TemporaryDirectory(prefix="foremend-sustained-") as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = Mosquitto(folder / "broker")
        broker.start()
        try:
            return _measured(folder, broker, minutes)
        finally:
            broker.stop()


def _measured(folder: Path, broker: Mosquitto, minutes: int) -> Sustained:
    page = free_port()
    config = configured(folder, broker, page)
    with process(["run", "--config", str(config)], folder / "pipeline.log") as child:
        wait(child, page, lambda counts: counts.get("broker_connected", 0) == 1)
        top = _top_rate(child, broker, page)
        rate = top // 2
        looks = list(_load(child, broker, page, rate, minutes))
        messages = _FAST_MESSAGES + rate * minutes * 60
        used_all = wait(child, page, used(messages))["messages_total"] == messages
    medians = [statistics.median(looks[at : at + 60]) for at in range(0, len(looks), 60)]
    last = medians[-min(_LAST_MINUTES, max(minutes // 3, 2)) :]
    differ = 100 * (max(last) - min(last)) / statistics.mean(last)
    return Sustained(
        top, rate, messages, tuple(round(one, 1) for one in medians), round(differ, 2), max(looks), used_all
    )


def _top_rate(child: subprocess.Popen[bytes], broker: Mosquitto, page: int) -> int:
    """Messages a second, from the first that is sent to the last that is used."""
    began = time.monotonic()
    send_all(broker.port, _FAST_MESSAGES, 1, 0, _DAYS_AGO)
    wait(child, page, used(_FAST_MESSAGES))
    return round(_FAST_MESSAGES / (time.monotonic() - began))


def _load(
    child: subprocess.Popen[bytes], broker: Mosquitto, page: int, rate: int, minutes: int
) -> Iterator[float]:
    """Send `rate` messages each second; the memory after each, MB."""
    began = time.monotonic()
    for second in range(minutes * 60):
        send_all(broker.port, rate, 1, _FAST_MESSAGES + second * rate, _DAYS_AGO)
        time.sleep(max(began + second + 1 - time.monotonic(), 0.0))  # the pace of the load
        yield resident_mb(child.pid)
        if second % 60 == 59:
            _tell(second // 60 + 1, minutes, resident_mb(child.pid), metrics(page))


def _tell(minute: int, minutes: int, now_mb: float, counts: dict[str, float]) -> None:
    messages = counts.get("messages_total", 0)
    sys.stderr.write(f"minute {minute} of {minutes}: {now_mb:.1f} MB, {messages:,.0f} messages used\n")


def resident_mb(pid: int) -> float:
    """What is resident of a process now, MB."""
    kb = int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])
    return round(kb * 1024 / 1e6, 1)


if __name__ == "__main__":
    end_in_order()
    raise SystemExit(main())
