"""Ctrl-C at any moment of the demo: no process and no port is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from foremend.commands.demo.interrupts import Interrupted, interruptible, shielded
from foremend.commands.demo.processes import listens
from foremend.stores.free_port import free_port

SCENARIO = {"name": "small", "days": 20, "appliances": {"wh-60": 4}, "report_every": 5}


def of_this_run(folder: Path) -> list[str]:
    """Command lines of processes that were started for `folder`."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line:
            lines.append(line)
    return lines


def until(said: Callable[[], bool], demo: subprocess.Popen[str]) -> None:
    while not said():
        assert demo.poll() is None
        time.sleep(0.02)


MOMENTS: dict[str, Callable[[Path, int], bool]] = {
    "platform": lambda here, port: (here / "platform.log").exists(),
    "pipeline": lambda here, port: (here / "pipeline.log").exists(),
    "page": lambda here, port: listens(port),
    "fleet": lambda here, port: (here / "fleet.log").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_no_process_and_no_port(moment: str, tmp_path: Path) -> None:
    """Whether it just began, its page is there, or its fleet talks. It ends with 130, as shells expect."""
    port, scenario = free_port(), tmp_path / "small.yaml"
    scenario.write_text(yaml.safe_dump(SCENARIO))
    command = [sys.executable, "-m", "foremend", "demo", "--scenario", str(scenario), "--pace", "1"]
    command += ["--port", str(port), "--folder", str(tmp_path / "var")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as demo:
        until(lambda: MOMENTS[moment](tmp_path / "var" / "demo", port), demo)

        demo.send_signal(signal.SIGINT)
        demo.communicate()

    assert demo.returncode == 130
    assert of_this_run(tmp_path) == []
    assert not listens(port)


def test_what_comes_between_is_raised_when_the_child_has_somebody_who_ends_it() -> None:
    """Not before, not twice; what comes while that unwinds is passed over."""
    seen = []

    def works() -> None:
        try:
            with shielded():
                signal.raise_signal(signal.SIGINT)
                seen.append("born")
            seen.append("never")
        finally:
            signal.raise_signal(signal.SIGTERM)
            seen.append("unwound")

    with interruptible(), pytest.raises(Interrupted) as ended:
        works()

    assert seen == ["born", "unwound"]
    assert ended.value.code == 130
