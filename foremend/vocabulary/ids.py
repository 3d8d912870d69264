"""Ids of appliances and owners: one normal form, checked where an id enters, and a hint where one is not known.

The form is that of a topic's segment: 1 to 64 ASCII letters, digits, `-` and `_`. Upper case counts, because devices
that nobody here built have it (`shellyplug-s-A1B2C3`) and MQTT tells `A` from `a`. Nothing is trimmed or folded into
the form: two spellings may be two devices, so whoever writes another spelling is told the right one and decides.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Set

from foremend.vocabulary.errors import InputError

ID = r"[A-Za-z0-9_-]{1,64}"
_LONGEST = 64
_ID = re.compile(ID)
_OUTSIDE = re.compile(r"[^A-Za-z0-9_-]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
EVERYBODY = "*"
"""In place of an appliance's id where a finding is about many; no appliance's id begins so."""
TOGETHER = "silent-together"
"""The fault of such a finding."""
_SIMILAR = 0.6  # difflib's ratio from which on a known id is worth naming


def is_id(text: str) -> bool:
    """Whether `text` has the normal form: 1 to 64 ASCII letters, digits, `-` and `_`."""
    return _ID.fullmatch(text) is not None


def require_id(what: str, text: str) -> str:
    """`text` itself. Raises InputError where it has not the normal form, with the spelling that may have been meant.

    >>> require_id("appliance", "fridge-1")
    'fridge-1'
    """
    if is_id(text):
        return text
    sentence = f"{text!r} cannot be the id of an {what}: write 1 to 64 ASCII letters, digits, - and _"
    near = proposed(text)
    raise InputError(f"{sentence}; did you mean {near!r}?" if near else sentence)


def proposed(text: str) -> str | None:
    """How `text`, a name in any script, would be written in the normal form; None where nothing is left.

    Letters of other scripts become those that AnyAscii gives for them, which are its readers' usual ones; umlauts get
    an e, as in German. Two names can come to the same: see `free`. Only for a hint where somebody wrote an id, never
    instead of it.

    >>> proposed(" \uff46ridge 1 "), proposed("\u53a8\u623f \u51b0\u7bb1")
    ('fridge-1', 'ChuFang-BingXiang')
    """
    plain = unicodedata.normalize("NFKC", text).translate(_UMLAUTS)
    if not plain.isascii():
        from anyascii import anyascii  # a tenth of a second, for who has such names

        plain = anyascii(plain)
    return _OUTSIDE.sub("-", plain).strip("-")[:_LONGEST].strip("-") or None


def free(name: str, taken: Set[str]) -> str:
    """`name`, an id, or with a number behind it where it is `taken`.

    >>> free("fridge", {"fridge"})
    'fridge-2'
    """
    number, one = 2, name
    while one in taken:
        one = f"{name[: _LONGEST - 4]}-{number}"
        number += 1
    return one


def folded(text: str) -> str:
    """What two ids share that differ only in upper and lower case, as seen by whoever types them."""
    return text.casefold()


def nearest(text: str, known: Iterable[str]) -> str | None:
    """The id of `known` that `text` was probably meant to be; None where none is like it."""
    by_form: dict[str, str] = {}
    for one in known:
        by_form.setdefault(folded(one), one)
    wanted = folded(proposed(text) or text)
    near = difflib.get_close_matches(wanted, by_form, n=1, cutoff=_SIMILAR)
    return by_form[near[0]] if near else None


def unknown(what: str, text: str, known: Iterable[str], otherwise: str) -> InputError:
    """The error for an id that is not known, with the nearest of `known`; else `otherwise`, what to do, as a clause."""
    near = nearest(text, known)
    return InputError(f"{what} {text!r} is not known: {f'did you mean {near!r}?' if near else otherwise}")
