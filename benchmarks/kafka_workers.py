"""Real `foremend worker` processes, watched through /metrics."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError

import yaml

from benchmarks.worker_process import ForemendProcess
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import UnavailableError

PATIENCE_S = 300.0
_LOOK_S = 0.1
_SHIPPED = Path(__file__).parents[1] / "config.yaml"

Look = Mapping[str, float]
"""The numbers of one worker without `foremend_`, and `at`: when they were read, in monotonic seconds."""


class Workers:
    """So many processes on one configuration, from the shipped one; a context manager that stops them."""

    def __init__(self, kafka: KafkaSettings, folder: Path, number: int) -> None:
        self._folder, self._kafka = folder, kafka
        self._ports = [free_port() for _ in range(number)]
        self._processes: list[ForemendProcess] = []

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        config = self._folder / "config.yaml"
        config.write_text(yaml.safe_dump(self._config()))
        self._started = time.monotonic()
        for port in self._ports:
            arguments = ["worker", "--config", str(config), "--health-port", str(port)]
            self._processes.append(ForemendProcess(arguments, self._folder / f"worker-{port}.log"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()

    def wait_for(self, reached: Callable[[Sequence[Look]], bool]) -> list[Look]:
        """Look until `reached`; answers that look. Raises ForemendError when a worker ended or time is over."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            seen = self.look()
            if reached(seen):
                return seen
            if any(process.returncode is not None for process in self._processes):
                break
            time.sleep(_LOOK_S)
        logs = "\n".join(log.read_text()[-2_000:] for log in sorted(self._folder.glob("worker-*.log")))
        raise UnavailableError(f"the workers did not get there: {logs}")

    def look(self) -> list[Look]:
        """What each says now; nothing but `at` from one that does not answer yet."""
        return [_numbers(port) for port in self._ports]

    def kill_one(self) -> None:
        """The first one, without a warning."""
        self._ports.pop(0)
        self._processes.pop(0).kill()

    @property
    def age_s(self) -> float:
        """Since they were started."""
        return time.monotonic() - self._started

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))
        config["kafka"] = self._kafka.model_dump(mode="json", exclude_defaults=True)
        config.pop("examples")
        return config


def holds(seen: Sequence[Look], partitions: int) -> bool:
    """Whether all partitions are held, and every worker has some."""
    held = [one.get("worker_partitions", 0) for one in seen]
    return min(held) > 0 and sum(held) == partitions


def total(seen: Sequence[Look], name: str) -> float:
    """The sum of a number over the workers."""
    return sum(one.get(name, 0.0) for one in seen)


def _numbers(port: int) -> Look:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except (URLError, ConnectionError, TimeoutError):
        text = ""
    found = re.findall(r"^foremend_(\S+) (\S+)$", text, re.MULTILINE)
    return {"at": time.monotonic(), **{name: float(value) for name, value in found}}
