"""`foremend messages` as people type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.commands.command_line import call


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "GET /api/v1/findings lists them"),
        (("--language", "it"), "zh, en, de, es, fr"),
        (("--channel", "fax"), "sms, push, email"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    said: str,
) -> None:
    """No such finding, language or channel: 3, and what there is."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "alerts: { database: 'sqlite:///foremend.db', key_file: a.key, sms: null, push: null }\n"
    )

    ended = call(monkeypatch, "messages", "preview", "fd_none", "--config", str(config), *more)

    assert ended == 3
    assert said in " ".join(capsys.readouterr().err.split())
