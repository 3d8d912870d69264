"""Checkpoints of the audit log outside the database: whoever rewrites the whole log cannot rewrite them.

Each line of the file says how long the log was and the hash of its last entry, is signed (Ed25519, by a key derived
from the installation's) and names the line before it. Whoever has the public key can check it without any secret.
Keep the file where those who may write to the database may not: another machine, a medium that only grows.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine

from alerts.audit import ends, hashes_of, of_one_moment
from alerts.database import reading
from alerts.settings import AuditSettings
from alerts.vault import Vault
from alerts.wording import iso
from foremend.vocabulary.errors import ConfigError, IntegrityError, UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.types import MS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Anchor:
    """`entries` and `hash` are the log's end at `at` (ms UTC). `restart`: why it may differ from anchors before."""

    at: int
    entries: int
    hash: str
    previous: str
    restart: str = ""
    public_key: str = ""
    signature: str = ""

    def signed_text(self) -> bytes:
        """What the signature is of."""
        return orjson.dumps(asdict(self) | {"signature": ""}, option=orjson.OPT_SORT_KEYS)


class Anchors(ByRounds):
    """Writes anchors into one `file`, by itself in a thread between `start` and `close`, or one by `write`."""

    def __init__(self, engine: Engine, vault: Vault, settings: AuditSettings, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self.file = settings.anchor_file
        self._keys = [Ed25519PrivateKey.from_private_bytes(key) for key in vault.derived("audit anchors")]
        self._rounds = Rounds("anchors of the audit log", self.write, settings.anchor_every / MS_PER_SECOND)

    def start(self) -> None:
        """Nothing is anchored where no file is named."""
        if self.file is not None:
            super().start()

    def write(self, restart: str = "") -> Anchor | None:
        """Anchor the log as it ends now; None where the last anchor says the same already.

        Raises ConfigError without a file, UnavailableError where it cannot be written, IntegrityError where the log is
        not the one of the anchors before: `restart` says why that is so, and stands in the file for ever. Nothing is
        written behind a file that was tampered with: it would be no better for it.
        """
        file = self._named()
        anchors, problem = self._anchors(file)
        if problem:
            raise IntegrityError(
                f"{file}: {problem}. Keep it, and name a new file in alerts.audit.anchor_file to go on"
            )
        if not restart and (problem := self._differs(anchors)):
            raise IntegrityError(
                f"{problem}. Where that is known and meant: foremend audit anchor --restart REASON"
            )
        with reading(self._engine) as session:
            entries, digest = ends(session)
        try:
            return _append(file, self._keys[0], Anchor(self._clock.now_ms(), entries, digest, "", restart))
        except OSError as error:
            raise UnavailableError(f"{file} cannot be written: {error.strerror}") from error

    def problem(self, file: Path | None = None) -> str:
        """Where the log is not the one that was anchored, in words; empty where all is well, or nothing is anchored."""
        anchors, problem = self._anchors(file or self._named())
        return problem or self._differs(anchors)

    def last(self) -> Anchor | None:
        """The newest one that can be believed; None where there is none."""
        anchors = self._anchors(self.file)[0] if self.file is not None else []
        return anchors[-1] if anchors else None

    def _anchors(self, file: Path) -> tuple[list[Anchor], str]:
        """Those of `file` since the last restart, and what is wrong with the file, in words.

        A line that a kill or a full disk broke off is no anchor, and is named by the one behind it like any other.
        """
        keys = [_public(key.public_key()) for key in self._keys]
        anchors: list[Anchor] = []
        previous, problem = "", ""
        for number, line in enumerate(_lines(file), start=1):
            problem = f"anchor {number} is not signed by this installation's key"
            text = line.removesuffix(b"\n")
            one = _read(text)
            if one is None:
                problem = "" if text == line else problem  # broken off: no more than cut at its end
            elif one.public_key not in keys or not _is_signed(one):
                break
            elif one.previous != previous:
                problem = f"the anchor before anchor {number} is missing or another one"
                break
            else:
                anchors, problem = ([] if one.restart else anchors), ""
                anchors.append(one)
            previous = _name(text)
        return anchors, problem

    def _differs(self, anchors: Sequence[Anchor]) -> str:
        with reading(of_one_moment(self._engine)) as session:
            last, _ = ends(session)
            hashes = hashes_of(session, [one.entries for one in anchors])
        for one in anchors:
            if one.entries > last:
                return (
                    f"the log ends at entry {last}, and at {iso(one.at)} it had {one.entries}: entries were"
                    " removed, or an older copy of the database was put back"
                )
            if hashes.get(one.entries, one.hash) != one.hash:
                return (
                    f"the log up to entry {one.entries} is not the one of {iso(one.at)}: it was written anew"
                )
        return ""

    def _named(self) -> Path:
        if self.file is None:
            raise ConfigError("alerts.audit.anchor_file names no file to anchor the audit log in")
        return self.file


def _append(file: Path, key: Ed25519PrivateKey, anchor: Anchor) -> Anchor | None:
    """One line more, on the disk when this returns; several processes may do it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        *lines, rest = opened.read().split(b"\n")  # something rests where a kill broke the last line off
        end = rest or (lines[-1] if lines else b"")
        last = _read(end)
        if last and (last.entries, last.hash) == (anchor.entries, anchor.hash) and not anchor.restart:
            return None
        said = asdict(anchor) | {
            "previous": _name(end) if end else "",
            "public_key": _public(key.public_key()),
        }
        signature = b64encode(key.sign(Anchor(**said).signed_text())).decode()
        signed = Anchor(**said | {"signature": signature})
        line = orjson.dumps(asdict(signed), option=orjson.OPT_SORT_KEYS) + b"\n"
        opened.write((b"\n" if rest else b"") + line)
        opened.flush()
        os.fsync(opened.fileno())
    return signed


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as opened:
            yield from opened
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnavailableError(f"{file} cannot be read: {error.strerror}") from error


def _read(line: bytes) -> Anchor | None:
    try:
        return Anchor(**orjson.loads(line))
    except (orjson.JSONDecodeError, TypeError):
        return None


def _is_signed(anchor: Anchor) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(anchor.public_key))
        key.verify(b64decode(anchor.signature), anchor.signed_text())
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _public(key: Ed25519PublicKey) -> str:
    return b64encode(key.public_bytes_raw()).decode()


def _name(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
