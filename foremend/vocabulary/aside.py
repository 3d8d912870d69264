"""What a lane could not deal with: each message is set aside with a reason, and the log tells each kind once."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from foremend.vocabulary.errors import ForemendError

_LOG = logging.getLogger(__name__)


class Aside:
    """Counts and words failures of one lane. Neither reason nor log shows an error's own text, where it is not ours: it
    could hold a contact or a message."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._told: set[str] = set()
        self.count = 0

    def reason(self, error: Exception) -> str:
        """Why it was set aside; counts it, and the first of its kind leaves its traceback in the log."""
        self.count += 1
        if isinstance(error, ForemendError):
            return str(error)
        kind = _kind(error)
        if kind not in self._told:
            self._told.add(kind)
            frames = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error(
                "%s: %s; the lane goes on, more of the kind are only counted\n%s", self._target, kind, frames
            )
        return f"internal error, kept for a developer ({kind}); the log has its traceback"


def _kind(error: Exception) -> str:
    """The error and the place in the code that raised it."""
    [*_, last] = traceback.extract_tb(error.__traceback__) or [None]
    where = f" in {Path(last.filename).name}:{last.lineno}" if last else ""
    return f"{type(error).__name__}{where}"
