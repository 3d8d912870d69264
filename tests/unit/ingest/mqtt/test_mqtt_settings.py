"""ingest.mqtt.settings: the `mqtt:` part of config.yaml."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from foremend.vocabulary.errors import ConfigError
from ingest.mqtt.client import build_client
from ingest.mqtt.settings import MqttSettings


def test_the_url_gives_host_port_and_tls() -> None:
    """One url says where the broker is; the port defaults to the scheme's own."""
    settings = MqttSettings(url="mqtts://broker.example")

    assert (settings.host, settings.port, settings.tls) == ("broker.example", 8883, True)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": "http://x"}, "not a broker"),
        ({"url": "mqtt://u:p@x"}, "no user or password"),
        ({"url": "mqtt://x:0x"}, "not a broker"),
        ({"password_env": "A", "password_file": "b"}, "not both"),
        ({"url": "mqtts://x", "certificate": "c.pem"}, "go together"),
        ({"ca": "ca.pem"}, "need TLS"),
        ({"password": "secret"}, "unknown key"),
        ({"keepalive": 0}, "greater than or equal"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_mend(given: dict[str, object], sentence: str) -> None:
    """A mistake is told in a sentence at loading, before any socket is opened."""
    with pytest.raises(ValidationError, match=sentence):
        MqttSettings(**given)  # type: ignore[arg-type]


def test_the_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The config names the variable; the password itself is read when it is needed."""
    monkeypatch.setenv("BROKER_PASSWORD", "s3cret")

    assert MqttSettings(password_env="BROKER_PASSWORD").password() == "s3cret"


def test_the_password_comes_from_a_file(tmp_path: Path) -> None:
    """The first line, without its end."""
    file = tmp_path / "password"
    file.write_text("s3cret\nsecond line\n")

    assert MqttSettings(password_file=file).password() == "s3cret"


@pytest.mark.parametrize("empty", [True, False])
def test_a_password_file_that_gives_none_is_a_config_error(tmp_path: Path, empty: bool) -> None:
    """An absent or empty file is told with its name."""
    file = tmp_path / "password"
    if empty:
        file.touch()

    with pytest.raises(ConfigError, match="password_file"):
        MqttSettings(password_file=file).password()


def test_an_unset_variable_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable."""
    monkeypatch.delenv("BROKER_PASSWORD", raising=False)

    with pytest.raises(ConfigError, match="BROKER_PASSWORD"):
        MqttSettings(password_env="BROKER_PASSWORD").password()


def test_a_ca_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    """A wrong path is told before the first connection."""
    settings = MqttSettings(url="mqtts://x", ca=tmp_path / "ca.pem")

    with pytest.raises(ConfigError, match="ca, certificate or key"):
        build_client(settings, lambda _: None)
