"""The error tree. Each class says what the caller should do: retry, skip or stop.

ForemendError
├── ConfigError        stop   a setting, profile or mapping is wrong; the sentence names it and the mend
├── InputError         skip   one message, reading or file row cannot be used; it becomes a dead letter
├── UnavailableError   retry  a broker, database or receiver is away
├── RefusedError       stop   the other side said no for good (bad password, ACL, 410 Gone)
├── MissingExtraError  stop   an optional dependency is not installed; the sentence names the extra
├── IntegrityError     stop   stored state does not match its checksum or its schema
└── DefectError        stop   nothing goes through any more, and no message is to blame: a mistake of our own
"""

from __future__ import annotations

from typing import ClassVar


class ForemendError(Exception):
    """Base of everything Foremend raises on purpose; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class ConfigError(ForemendError):
    """A setting, profile, mapping or argument is wrong."""

    exit_code = 2


class InputError(ForemendError):
    """One message, reading or row cannot be used."""

    exit_code = 3


class UnavailableError(ForemendError):
    """Something we talk to is away; trying again may help."""

    exit_code = 4


class RefusedError(ForemendError):
    """The other side refused for good."""

    exit_code = 5


class MissingExtraError(ForemendError):
    """An optional dependency is not installed."""

    exit_code = 6

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the optional extra: pip install 'foremend[{extra}]'")


class IntegrityError(ForemendError):
    """Stored state does not match its checksum or schema."""

    exit_code = 7


class DefectError(ForemendError):
    """Message after message raises what nobody foresaw; they are kept, and wait for a version that can take them."""


def is_unforeseen(error: Exception) -> bool:
    """Whether one message may be to blame for `error`, and not a machine, a disk, a setting or somebody we talk to."""
    if isinstance(error, ForemendError):
        return isinstance(error, InputError)
    return not isinstance(error, OSError | MemoryError)
