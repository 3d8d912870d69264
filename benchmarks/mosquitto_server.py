"""Debian's Mosquitto for tests and benchmarks: a free port, and its queues on disk as deploy/mosquitto sets them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from foremend.commands.demo.processes import end, free_port, wait_for_port
from foremend.vocabulary.errors import UnavailableError

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")

_CONF = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
persistence {persistence}
persistence_location {folder}/
{more}
"""


@dataclass
class Mosquitto:
    """One broker that can be stopped and started again; without TLS and passwords, which are tested elsewhere."""

    folder: Path
    persistence: bool = True
    more: str = ""  # lines of its configuration
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when clients are served. Raises UnavailableError where Mosquitto is not installed."""
        if MOSQUITTO is None:
            raise UnavailableError("Mosquitto is not installed: apt-get install -y mosquitto")
        self.folder.chmod(0o777)  # Mosquitto leaves root behind and must still write here
        config = self.folder / "mosquitto.conf"
        config.write_text(
            _CONF.format(
                port=self.port,
                folder=self.folder,
                persistence=str(self.persistence).lower(),
                more=self.more,
            )
        )
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", config], stderr=log, start_new_session=True)
        wait_for_port(self.port)

    def stop(self) -> None:
        """In good order, its queues on disk. Safe to call twice."""
        if self.process is not None:
            end(self.process)
