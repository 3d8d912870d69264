"""The `kafka:` part of config.yaml: what it says without a word, what it refuses, what clients get of it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from foremend.config import load_settings
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import validated

SASL = {"protocol": "SASL_SSL", "user": "foremend", "password_env": "KAFKA_PASSWORD"}


def _kafka(**keys: Any) -> KafkaSettings:
    return validated(KafkaSettings, keys, "config.yaml")


def test_a_broker_on_this_machine_is_what_nobody_needs_to_say() -> None:
    """The defaults reach `make kafka` without a password."""
    assert connection(load_settings().kafka) == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """SASL over TLS gives the client user, password and a context that checks the broker's name."""
    monkeypatch.setenv("KAFKA_PASSWORD", "secret")

    arguments = connection(_kafka(security=SASL | {"mechanism": "PLAIN"}))

    assert arguments["sasl_mechanism"] == "PLAIN"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("foremend", "secret")
    assert arguments["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert arguments["ssl_context"].check_hostname


def test_a_password_is_the_first_line_of_a_file(tmp_path: Path) -> None:
    """As container platforms mount secrets."""
    (tmp_path / "password").write_text("secret\n")
    keys = {"protocol": "SASL_PLAINTEXT", "user": "foremend", "password_file": "password"}

    settings = validated(KafkaSettings, {"security": keys}, "config.yaml", tmp_path)

    assert connection(settings)["sasl_plain_password"] == "secret"


@pytest.mark.parametrize(
    ("security", "sentence"),
    [
        (SASL | {"password_env": "NO_PASSWORD"}, r"kafka\.security\.password_env: NO_PASSWORD holds no"),
        (
            {"protocol": "SASL_SSL", "user": "me", "password_file": "absent"},
            r"kafka\.security\.password_file: absent cannot be read",
        ),
        ({"protocol": "SSL", "ca": "absent.pem"}, r"kafka\.security\.ca: absent\.pem is not"),
    ],
)
def test_what_is_not_there_is_named_when_a_client_wants_it(security: dict[str, str], sentence: str) -> None:
    """A secret or an authority that is missing stops the connection with the key's name."""
    settings = KafkaSettings.model_validate({"security": security})

    with pytest.raises(ConfigError, match=sentence):
        connection(settings)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"brokers": ["kafka://one:9092"]}, r"brokers\[0\]"),
        ({"brokers": ["one"]}, r"brokers\[0\]"),
        ({"brokers": []}, "brokers"),
        ({"prefix": "Fore mend"}, "prefix"),
        ({"partitions": 0}, "partitions"),
        ({"retention": "7 days"}, "retention: '7 days' is not a duration"),
        ({"share": "a/b"}, "share"),
        ({"partition": 3}, "did you mean 'partitions'"),
        ({"security": {"protocol": "SASL_SSL"}}, "security: protocol: SASL_"),
        ({"security": {"user": "me", "password_env": "A"}}, "security: protocol: SASL_"),
        ({"security": SASL | {"password_file": "a"}}, "security: set password_env or password_file"),
        ({"security": {"ca": "ca.pem"}}, "security: ca needs TLS"),
    ],
)
def test_what_cannot_work_is_refused_by_name(keys: dict[str, Any], sentence: str) -> None:
    """A mistake is told with the key's path before anything is started."""
    with pytest.raises(ConfigError, match=sentence):
        _kafka(**keys)
