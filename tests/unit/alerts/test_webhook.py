"""The parts of a webhook that need no network."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.addresses import allowed, is_public
from alerts.settings import AlertsSettings
from alerts.webhook import open_webhook, retry_after
from foremend.vocabulary.errors import ConfigError, UnavailableError

NOW = 1_767_240_000_000  # Thu, 01 Jan 2026 04:00:00 GMT
HOOK = {"name": "platform", "url": "https://platform.example/hook"}


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", 0),
        ("120", 120_000),
        ("Thu, 01 Jan 2026 04:01:00 GMT", 60_000),
        ("Thu, 01 Jan 2026 03:00:00 GMT", 0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("999999", 999_999_000),
        ("9" * 5_000, 10**12),
        ("0" * 5_000 + "7", 7_000),
        ("²", None),
        (f"Thu, 01 Jan 1{'0' * 20} 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 10**12),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, wait: int | None) -> None:
    """RFC 9110, section 10.2.3; anything else is as if it were not there."""
    assert retry_after(value, NOW) == wait


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,30} [A-Z][a-z]{2} \d{1,30} \d+:\d+:\d+ .*"))
def test_no_retry_after_raises(value: str) -> None:
    """Whatever a receiver writes is a wait, or none."""
    wait = retry_after(value, NOW)

    assert wait is None or 0 <= wait <= 10**12


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "224.0.0.1",
        "0.0.0.0",
        "::",
        "fec0::1",
        "fc00::1",
        "ff02::1",
        "fe80::1%eth0",
        "no address",
    ],
)
def test_addresses_inside_are_refused(address: str) -> None:
    """Loopback, private, link-local, shared, multicast and the like, also in IPv6 clothes."""
    with pytest.raises(UnavailableError, match="private address"):
        allowed("platform.example", [address], allow_private=False)
    assert allowed("platform.example", [address], allow_private=True) == [address]


def test_one_private_address_refuses_the_name() -> None:
    """A name with a public and a private address could lead inside at the next look."""
    with pytest.raises(UnavailableError, match=r"10\.0\.0\.1"):
        allowed("platform.example", ["8.8.8.8", "10.0.0.1"], allow_private=False)


CLOTHES: dict[str, Callable[[int], int]] = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: 0xFFFF << 48 | v4,
    "nat64": lambda v4: 0x64_FF9B << 96 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "isatap": lambda v4: 0x2606_4700 << 96 | 0x0200_5EFE << 32 | v4,
}
INNER = st.sampled_from(
    ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "0.0.0.0/8"]
)


@given(st.sampled_from(sorted(CLOTHES)), INNER.flatmap(lambda network: st.ip_addresses(v=4, network=network)))
def test_an_address_is_judged_by_what_it_embeds(clothes: str, inner: IPv4Address) -> None:
    """No private IPv4 address becomes public by the IPv6 address around it, and a public one stays so."""
    dress = CLOTHES[clothes]

    assert not is_public(str(IPv6Address(dress(int(inner)))))
    assert is_public(str(IPv6Address(dress(int(IPv4Address("8.8.8.8"))))))


@given(st.ip_addresses(v=6, network="64:ff9b:1::/48") | st.ip_addresses(v=6, network="2001::/32"))
def test_local_nat64_and_teredo_are_never_public(address: IPv6Address) -> None:
    """The first is a network of one's own by definition; the second leads to whatever is behind it."""
    assert not is_public(str(address))


@pytest.mark.parametrize(
    ("source", "environ", "words"),
    [
        ({"secret_env": "SECRET"}, {}, "no secret in SECRET"),
        ({"secret_env": "SECRET"}, {"SECRET": "whsec_!"}, "is not base64"),
        ({"secret_file": "/nowhere/secret"}, {}, "no secret file /nowhere/secret"),
    ],
)
def test_a_missing_or_broken_secret_stops_the_start(source: Any, environ: dict[str, str], words: str) -> None:
    """With a sentence that names where it should be, never the secret."""
    [endpoint] = AlertsSettings.model_validate({"webhooks": [HOOK | source]}).webhooks

    with pytest.raises(ConfigError, match=words):
        open_webhook(endpoint, None, environ)  # type: ignore[arg-type]
