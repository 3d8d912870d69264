"""A page's port that something else has: found before any work."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml


@pytest.mark.parametrize(
    ("process", "setting", "made"),
    [
        (["run"], "service.port", {"storage", "foremend.lock"}),
        (["service"], "service.port", set()),
        (["worker", "--health-port", "PORT"], "--health-port", set()),
        (["gateway", "--health-port", "PORT"], "--health-port", set()),
    ],
)
def test_a_port_in_use_is_found_before_any_work(
    process: list[str], setting: str, made: set[str], tmp_path: Path
) -> None:
    """Code 2 and the setting's name; nothing was trained, and no database, journal or key was made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {
            "extends": "shipped",
            "service": {"port": port},
            "storage": {"folder": str(tmp_path / "storage")},
            "models": {"appliance_models": ["rf-260"], "registry": str(tmp_path / "models")},
            "alerts": {
                "database": f"sqlite:///{tmp_path}/foremend.db",
                "key_file": str(tmp_path / "foremend.key"),
                "sms": None,
                "push": None,
            },
        }
        config = tmp_path / "config.yaml"
        config.write_text(yaml.safe_dump(settings))

        words = [word.replace("PORT", str(port)) for word in process]
        command = [sys.executable, "-m", "foremend", *words, "--config", str(config)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2, ended.stderr
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert setting in ended.stderr
    assert {path.name for path in tmp_path.rglob("*")} == {"config.yaml", *made}
