"""Whether the broker still knows our session: one that it forgot took with it every message that waited in it."""

from __future__ import annotations

import logging
from pathlib import Path

from ingest.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)


class Session:
    """Remembers that there was a session, in `file` also for the next process; counts those that were forgotten.

    A session is one client id at one broker: after a change of either in the settings the first one is no news.
    Used by the connection's thread; `forgotten` by any.
    """

    def __init__(self, settings: MqttSettings, file: Path | None = None) -> None:
        self.forgotten = 0  # since the process began
        self._url, self._client_id, self._file = settings.url, settings.client_id, file
        self._known = file is not None and self._read(file) == self._name

    def answered(self, present: bool) -> None:
        """The broker accepted us, and says whether it has our session."""
        if self._known and not present:
            self.forgotten += 1
            log.warning(
                "the broker on %s has forgotten the session of client %r: what waited in it is lost, and nobody else"
                " knows what that was; let the broker keep sessions on its disk, and for longer than we are away"
                ' (docs/operations.md, "Other brokers")',
                self._url,
                self._client_id,
            )
            self._known = False

    def began(self) -> None:
        """We are subscribed: from now on the broker keeps messages for us."""
        if not self._known:
            self._known = True
            self._write()

    @property
    def _name(self) -> str:
        return f"{self._client_id}\n{self._url}\n"

    def _read(self, file: Path) -> str | None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None  # there was none, as far as anybody knows

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            self._file.write_text(self._name, "utf-8")
        except OSError as error:
            log.warning(
                "%s cannot be written (%s): a session that the broker forgets while we are away is not told",
                self._file,
                error.strerror,
            )
