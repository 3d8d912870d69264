"""A `foremend` process that is asked how it is over HTTP, as a supervisor and Prometheus do."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError

from benchmarks.worker_process import ForemendProcess
from foremend.vocabulary.errors import UnavailableError


class AskedProcess(ForemendProcess):
    """A process with /readyz and /metrics on `port` of 127.0.0.1.

    Once it was stopped or killed by us it answers nothing. Raises UnavailableError where it ended by itself.
    """

    def __init__(
        self, arguments: Sequence[str], log: Path, port: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self._page = f"http://127.0.0.1:{port}"
        self._ended_by_us = False
        super().__init__(arguments, log, environment)

    def stop(self, timeout_s: float = 60.0) -> int:
        self._ended_by_us = True
        return super().stop(timeout_s)

    def kill(self) -> None:
        self._ended_by_us = True
        super().kill()

    def ready(self) -> bool:
        """Whether /readyz says so."""
        return bool(self._ask("/readyz"))

    def why_not(self) -> str:
        """What /readyz says is wrong; empty while it is well, or does not answer."""
        try:
            urllib.request.urlopen(self._page + "/readyz", timeout=10).close()
        except HTTPError as error:
            return error.read().decode()
        except (URLError, ConnectionError, TimeoutError):
            return ""
        return ""

    def number(self, name: str) -> float:
        """One of its numbers; 0 while it does not answer or has none."""
        found = re.search(rf"^foremend_{name} (\S+)$", self._ask("/metrics"), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def _ask(self, path: str) -> str:
        if self.returncode is not None and not self._ended_by_us:
            raise UnavailableError(f"it ended by itself: {self.log.read_text(encoding='utf-8')[-2_000:]}")
        try:
            with urllib.request.urlopen(self._page + path, timeout=10) as answer:
                return str(answer.read().decode())
        except (URLError, ConnectionError, TimeoutError):
            return ""
