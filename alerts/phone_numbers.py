"""Telephone numbers as people write them, made E.164: the one form that gateways for SMS take.

What a number is comes from the plans of all countries, as Google's libphonenumber keeps them (`phonenumberslite`).
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from foremend.vocabulary.errors import InputError

_NO_SMS = {
    PhoneNumberType.FIXED_LINE: "a fixed line",
    PhoneNumberType.TOLL_FREE: "a free number of a service",
    PhoneNumberType.PREMIUM_RATE: "a premium number of a service",
    PhoneNumberType.SHARED_COST: "a shared-cost number of a service",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.UAN: "a company's number",
    PhoneNumberType.VOICEMAIL: "a voice mailbox",
}
"""What is never a mobile telephone. Where a country's plan has both in one, as in the USA, the number is taken."""

_PARSED = {
    NumberParseException.INVALID_COUNTRY_CODE: "no country has the code that it begins with",
    NumberParseException.NOT_A_NUMBER: "it is none",
    NumberParseException.TOO_SHORT_AFTER_IDD: "it ends after the code for calls abroad",
    NumberParseException.TOO_SHORT_NSN: "it is too short",
    NumberParseException.TOO_LONG: "it is too long",
}
_POSSIBLE = {
    ValidationResult.TOO_SHORT: "it has too few digits",
    ValidationResult.TOO_LONG: "it has too many digits",
    ValidationResult.INVALID_LENGTH: "it has too few digits or too many",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "it lacks the area code",
}


def mobile_number(written: str, region: str | None) -> str:
    """`written` as E.164, as `+8613800001234`, if messages can reach it.

    `region` is the country of numbers that are written without one (ISO 3166-1, `CN`); None where none is assumed.
    Raises InputError that says what is wrong, without the number.
    """
    number = _parsed(written, region)
    if (why := _POSSIBLE.get(phonenumbers.is_possible_number_with_reason(number))) is not None:
        raise _wrong(f"{why} for one of {_country(number)}")
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        raise _wrong(
            f"{_country(number)} has given out none like it: a digit is wrong, missing or too many (or it is of a new"
            " range, which a newer phonenumberslite knows)"
        )
    if kind in _NO_SMS:
        raise _wrong(f"it is {_NO_SMS[kind]} of {_country(number)}")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def known_region(name: str) -> str:
    """`name`, if a country's numbers are known under it. Raises ValueError, as settings want it."""
    if name not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{name!r} is no country: write two letters of ISO 3166-1, as CN or DE")
    return name


def _parsed(written: str, region: str | None) -> PhoneNumber:
    text = written.strip()
    if any(one.isalpha() for one in text):  # letters would be dialled: 1-800-FLOWERS is somebody's number
        raise _wrong("it holds letters")
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        if region is None and "+" not in text and "＋" not in text and _digits(text):
            raise _wrong(
                "it lacks its country: write it as +86 138 0000 1234, or set alerts.phone_region"
            ) from None
        raise _wrong(_PARSED[error.error_type]) from None  # its own words repeat what was written
    if number.extension:
        raise _wrong("it has an extension, which gets no SMS")
    return number


def _digits(text: str) -> bool:
    return sum(one.isdigit() for one in text) > 2


def _country(number: PhoneNumber) -> str:
    return f"+{number.country_code}"


def _wrong(why: str) -> InputError:
    return InputError(f"this is no telephone number for SMS: {why}")
