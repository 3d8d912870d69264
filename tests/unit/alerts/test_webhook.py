"""The parts of a webhook that need no network."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from alerts.settings import AlertsSettings
from alerts.webhook import allowed_addresses, open_webhook, retry_after
from foremend.errors import ConfigError, UnavailableError

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
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, wait: int | None) -> None:
    """RFC 9110, section 10.2.3; anything else is as if it were not there."""
    assert retry_after(value, NOW) == wait


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
    ],
)
def test_addresses_inside_are_refused(address: str) -> None:
    """Loopback, private, link-local, shared and multicast, also in IPv6 clothes."""
    url = httpx.URL(scheme="https", host=address, path="/hook")

    with pytest.raises(UnavailableError, match="private address"):
        allowed_addresses(url, allow_private=False)
    assert allowed_addresses(url, allow_private=True) == [address]


def test_one_private_address_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address could lead inside at the next look."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)

    with pytest.raises(UnavailableError, match=r"10\.0\.0\.1"):
        allowed_addresses(httpx.URL("https://platform.example"), allow_private=False)


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
