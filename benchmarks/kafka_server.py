"""A real Apache Kafka for tests and benchmarks, by `deploy/kafka/run`: free ports, and its data in a given folder."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import ForemendError, UnavailableError

RUN = Path(__file__).parent.parent / "deploy/kafka/run"
NOT_HERE = 69  # how `run` ends where Java, Maven or what Maven should bring cannot be had
PATIENCE_S = 240.0  # the first start on a machine waits for Maven


class KafkaServer:
    """One broker that can be stopped or killed, and started again on the same ports and data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = [str(free_port()), str(free_port())]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._ports[0]}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when clients are served. Raises UnavailableError where Kafka cannot be had here."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "kafka.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen([RUN, self._folder, *self._ports], stdout=out, stderr=out)
        until = time.monotonic() + PATIENCE_S
        while "Kafka Server started" not in (said := log.read_text(encoding="utf-8")):
            if self._process.poll() == NOT_HERE:
                raise UnavailableError(said.strip())
            if not self.running or time.monotonic() > until:
                self.kill()
                raise ForemendError(f"Apache Kafka did not start: {said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """As an operator would: in good order, everything on disk."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        """As a power cut would, but for the disk: by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
