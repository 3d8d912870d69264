"""What an owner said on the appliance itself, as it goes from the wire to the ledger of consent."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.purposes import Purpose


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """One message: a yes or a no to some purposes; times in ms UTC.

    `ts` is the appliance's own, by which a word that comes again is known, or that of reception where its clock cannot
    be right; the word counts from `at`, and came at `received`. Texts are empty where the appliance did not say.
    """

    appliance_model: str
    appliance_id: str
    purposes: tuple[Purpose, ...]
    given: bool
    ts: int
    at: int
    received: int
    owner_id: str = ""
    notice_version: str = ""
    language: str = ""

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, stored: bytes) -> DeviceWord:
        """Raises InputError where `stored` is not what `to_json` writes."""
        try:
            read = orjson.loads(stored)
            return cls(**read | {"purposes": tuple(Purpose(one) for one in read["purposes"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"no word of an owner ({type(error).__name__})") from error
