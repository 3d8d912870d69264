"""Personal data at rest: sealed with Fernet (AES-128-CBC and HMAC-SHA256), the key outside the database."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from alerts.settings import AlertsSettings
from foremend.vocabulary.durable import sync_path, write_synced
from foremend.vocabulary.errors import ConfigError, IntegrityError, UnavailableError


class Vault:
    """Seals and unseals short texts. Of several keys the first seals and every one unseals, so keys can change."""

    def __init__(self, keys: str) -> None:
        """`keys`: Fernet keys, one a line. Raises ConfigError when one is not a key; its text is never shown."""
        self._keys = tuple(keys.split())
        try:
            self._fernet = MultiFernet([Fernet(key) for key in self._keys])
        except ValueError as error:
            raise ConfigError(
                "the key for contacts is not a Fernet key (32 bytes in URL-safe base64)"
            ) from error

    def derived(self, purpose: str) -> list[bytes]:
        """32 bytes for each key, in their order: other keys for other purposes, which tell nothing of these (HKDF)."""
        return [_derived(key, purpose) for key in self._keys]

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def unseal(self, sealed: bytes) -> str:
        """Raises IntegrityError when it was sealed with another key or was changed."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except (InvalidToken, TypeError, UnicodeDecodeError) as error:
            raise IntegrityError(
                "a contact cannot be unsealed: the key is another one, or the data was changed"
            ) from error


def _derived(key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"foremend {purpose}".encode()).derive(urlsafe_b64decode(key))


def open_vault(settings: AlertsSettings, environ: Mapping[str, str]) -> Vault:
    """The vault with the key of the environment, or of the key file, which is made at first start."""
    if key := environ.get(settings.key_env):
        return Vault(key)
    if not settings.key_file.exists():
        try:
            _create_key(settings.key_file)
        except OSError as error:
            raise UnavailableError(f"{settings.key_file} cannot be written: {error.strerror}") from error
    return _of_file(settings.key_file)


def check_key(settings: AlertsSettings, environ: Mapping[str, str]) -> None:
    """Raises ConfigError when there is a key that could not be used. Makes none."""
    if key := environ.get(settings.key_env):
        Vault(key)
    elif settings.key_file.is_file():
        _of_file(settings.key_file)


def _of_file(path: Path) -> Vault:
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
    try:
        return Vault(path.read_text())
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} holds no key for contacts (32 bytes in URL-safe base64): put the right one back; what another "
            "one sealed, none can open"
        ) from error


def _create_key(path: Path) -> None:
    """Write it whole under another name first: two processes that start together end with one key.

    It is on the disk before anything is sealed with it: the database is, and would outlive it at a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        write_synced(draft, Fernet.generate_key(), b"\n")
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()
        sync_path(path.parent)
