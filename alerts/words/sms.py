"""How many SMS a text is, and how it is written so that it is few.

A text of the GSM alphabet holds 160 letters, any other 70 (UCS-2); of several parts each holds 153 or 67, as six bytes
say how they belong together. Source: 3GPP TS 23.038 and 23.040.
"""

from __future__ import annotations

import unicodedata

MOST_PARTS = 2
LINK_ROOM = 40
"""Letters that are left free in a message of several parts, for a short link by which to stop."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # two letters each
_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": "...", "œ": "oe"}
    | {"Œ": "OE", "\u00a0": " ", "\u202f": " "}
)


def is_gsm(text: str) -> bool:
    """Whether all of it is in the GSM alphabet."""
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def parts(text: str) -> int:
    """How many SMS the text is; a letter that counts twice is never cut in two."""
    gsm = is_gsm(text)
    sizes = [_septets(letter) if gsm else _code_units(letter) for letter in text]
    alone, each = (160, 153) if gsm else (70, 67)
    if sum(sizes) <= alone:
        return 1
    count, left = 1, each
    for size in sizes:
        if size > left:
            count, left = count + 1, each
        left -= size
    return count


def folded(text: str) -> str:
    """The text in the GSM alphabet, without the accents that it lacks; as it is where that would lose letters."""
    if is_gsm(text):
        return text
    plain = "".join(_bare(letter) for letter in text.translate(_PLAIN))
    return plain if is_gsm(plain) else text


def _bare(letter: str) -> str:
    if letter in _BASIC or letter in _EXTENDED:
        return letter
    return "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one))


def _septets(letter: str) -> int:
    return 2 if letter in _EXTENDED else 1


def _code_units(letter: str) -> int:
    return 2 if ord(letter) > 0xFFFF else 1
