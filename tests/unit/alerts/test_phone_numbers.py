"""Telephone numbers: what every country's plan says of its own, and what people write."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from alerts.phone_numbers import known_region, mobile_number
from foremend.vocabulary.errors import InputError

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
NEVER = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PAGER,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
}


def as_written(number: phonenumbers.PhoneNumber, form: int) -> str:
    return phonenumbers.format_number(number, form)


@pytest.mark.parametrize("region", [one for one in REGIONS if one != "TA"])  # which has fixed lines alone
def test_a_mobile_number_of_each_country_is_taken_however_it_is_written(region: str) -> None:
    """In the country's own way, with its code, and as E.164 already: all three are one number."""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    e164 = as_written(number, PhoneNumberFormat.E164)

    assert mobile_number(as_written(number, PhoneNumberFormat.NATIONAL), region) == e164
    assert mobile_number(as_written(number, PhoneNumberFormat.INTERNATIONAL), None) == e164
    assert mobile_number(e164, None) == e164


@pytest.mark.parametrize("region", REGIONS)
def test_a_number_of_each_country_that_gets_no_sms_is_refused(region: str) -> None:
    """Fixed lines, free and premium numbers and the like, as the plan has them; and none is quoted."""
    for kind in NEVER:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or phonenumbers.number_type(number) not in NEVER:
            continue  # none, or the plan does not tell it from a mobile number, as in the USA
        e164 = as_written(number, PhoneNumberFormat.E164)

        with pytest.raises(InputError) as refused:
            mobile_number(e164, None)

        assert e164[1:] not in str(refused.value)


@pytest.mark.parametrize("region", REGIONS)
def test_a_number_of_each_country_that_is_too_short_is_refused(region: str) -> None:
    """As somebody types it who leaves digits out."""
    number = phonenumbers.invalid_example_number(region)

    with pytest.raises(InputError):
        mobile_number(as_written(number, PhoneNumberFormat.E164), None)


@pytest.mark.parametrize(
    "written",
    [
        "13800001234",
        "138 0000 1234",
        "138-0000-1234",
        "8613800001234",
        "0086 138 0000 1234",
        "(+86) 138 0000 1234",
        "+86 (0)138 0000 1234",
        "１３８００００１２３４",
        " +86138 0000 1234\t",
    ],
)
def test_ways_to_write_one_number_of_china(written: str) -> None:
    """With and without the country, in groups, in full width."""
    assert mobile_number(written, "CN") == "+8613800001234"


@pytest.mark.parametrize(
    ("written", "region", "why"),
    [
        ("", "CN", "it is none"),
        ("n/a", "CN", "letters"),
        ("1-800-FLOWERS", "CN", "letters"),
        ("电话 13800001234", "CN", "letters"),
        ("13800001234 ext. 5", "CN", "letters"),
        ("13800001234#5", "CN", "extension"),
        ("13800001234", None, "lacks its country"),
        ("8613800001234", None, "lacks its country"),
        ("1380000123", "CN", "a digit is wrong, missing or too many"),
        ("138000012345", "CN", "a digit is wrong, missing or too many"),
        ("+86 138 0000 1234 13900001234", None, "too long"),
        ("+86138", None, "few digits"),
        ("+86", None, "it is none"),
        ("+999 138 0000 1234", None, "no country has the code"),
        ("12345", "CN", "lacks the area code"),
        ("1234", "CN", "few digits"),
        ("+86 10 8888 8888", None, "a fixed line of +86"),
        ("+86 800 123 4567", None, "a free number of a service of +86"),
        ("+44 7700 900123", None, "+44 has given out none like it"),  # kept for films
        ("+1 555 000 1111", None, "+1 has given out none like it"),
    ],
)
def test_what_is_wrong_with_a_number_is_said_without_it(written: str, region: str | None, why: str) -> None:
    """A sentence for whoever typed it; a log that keeps the sentence has no number."""
    with pytest.raises(InputError, match="this is no telephone number for SMS: ") as refused:
        mobile_number(written, region)

    assert why in str(refused.value)
    assert refused.value.__cause__ is None
    digits = "".join(one for one in written if one.isdigit())
    assert len(digits) < 5 or digits not in str(refused.value)


@pytest.mark.parametrize("name", ["cn", "XX", "China", "", "001"])
def test_a_region_is_a_country_by_its_two_letters(name: str) -> None:
    """A setting that no number could ever be read by is refused at the start."""
    assert known_region("CN") == "CN"
    with pytest.raises(ValueError, match="is no country: write two letters"):
        known_region(name)
