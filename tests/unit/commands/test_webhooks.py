"""`foremend webhooks` as people type it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.unit.commands.command_line import call


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings with one endpoint, at a port where nobody listens."""
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "QUFB" * 8)
    file = tmp_path / "config.yaml"
    file.write_text(
        "alerts:\n  database: sqlite:///foremend.db\n  webhooks:\n"
        "    - { name: desk, url: 'http://127.0.0.1:1/x', secret_env: HOOK_SECRET, allow_private: true }\n"
    )
    return file


def test_the_list_is_json(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object, each endpoint with its keys and messages."""
    assert call(monkeypatch, "webhooks", "list", "--config", str(config), "--json") == 0

    [shown] = orjson.loads(capsys.readouterr().out)["webhooks"]
    assert (shown["name"], shown["keys"], shown["host"]) == ("desk", 1, "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("test", "desk"), 4, "no answer"),
        (("test", "dask"), 3, "there are: desk"),
        (("deliveries", "desk", "--state", "lost"), 2, "pending, sent, held_back, superseded, dead"),
        (("deliveries", "desk", "--since", "2026-03-01"), 2, "has no zone"),
        (("replay", "desk"), 2, "say which"),
        (("replay", "desk", "ev_1", "--since", "2026-03-01T00:00:00Z"), 2, "say which"),
        (
            ("replay", "desk", "--since", "2026-03-02T00:00:00Z", "--until", "2026-03-01T00:00:00Z"),
            2,
            "after",
        ),
        (("replay", "desk", "ev_1"), 3, "nothing is sent again"),
        (("enable", "desk"), 3, "not disabled"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """The exit code tells a wrong argument from a receiver that is away."""
    ended = call(monkeypatch, "webhooks", *words, "--config", str(config))

    assert ended == code
    assert said in " ".join(capsys.readouterr().err.split())
