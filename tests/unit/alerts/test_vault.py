"""Personal data is sealed, and its key looked after."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from alerts.settings import AlertsSettings
from alerts.vault import Vault, open_vault
from foremend.vocabulary.errors import ConfigError, IntegrityError


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """At first start a key file of mode 0600 appears; the next start uses the same key."""
    settings = AlertsSettings(key_file=tmp_path / "var" / "key")
    sealed = open_vault(settings, {}).seal("+86138")

    assert open_vault(settings, {}).unseal(sealed) == "+86138"
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert [path.name for path in settings.key_file.parent.iterdir()] == ["key"]


def test_the_key_of_the_environment_goes_first(tmp_path: Path) -> None:
    """With it no file is made."""
    settings = AlertsSettings(key_file=tmp_path / "key")

    open_vault(settings, {"FOREMEND_KEY": Fernet.generate_key().decode()})

    assert not settings.key_file.exists()


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The sentence says how to mend it."""
    settings = AlertsSettings(key_file=tmp_path / "key")
    open_vault(settings, {})
    settings.key_file.chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        open_vault(settings, {})


def test_keys_can_change_without_losing_contacts() -> None:
    """The first key seals, every key unseals."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = Vault(old).seal("token")

    assert Vault(f"{new}\n{old}").unseal(sealed) == "token"


def test_another_key_unseals_nothing() -> None:
    """And says so without showing what it tried."""
    sealed = Vault(Fernet.generate_key().decode()).seal("token")

    with pytest.raises(IntegrityError, match="the key is another one"):
        Vault(Fernet.generate_key().decode()).unseal(sealed)


@pytest.mark.parametrize("text", ["", "not a key", "c2hvcnQ="])
def test_what_is_no_key_is_refused(text: str) -> None:
    """The text itself is not in the message."""
    with pytest.raises(ConfigError, match="is not a Fernet key"):
        Vault(text)


def test_a_key_file_that_lost_its_key_is_named(tmp_path: Path) -> None:
    """With what that means, and without its text."""
    settings = AlertsSettings(key_file=tmp_path / "key")
    open_vault(settings, {})
    settings.key_file.write_text("")

    with pytest.raises(ConfigError, match=r"key holds no key for contacts .*put the right one back"):
        open_vault(settings, {})
