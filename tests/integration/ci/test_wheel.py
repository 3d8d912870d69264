"""The built wheel, installed away from the checkout, as `pipx` and `uv tool` do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from importlib import metadata
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[3]
Foremend = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def _give_kernels(site: Path) -> None:
    """Those of the checkout that are compiled already: to compile them once more would take a minute."""
    for kernel in chain.from_iterable(
        CHECKOUT.glob(f"[a-z]*/**/__pycache__/*.{kind}") for kind in ("nbi", "nbc")
    ):
        beside = site / kernel.relative_to(CHECKOUT)
        if beside.parents[1].is_dir():
            beside.parent.mkdir(exist_ok=True)
            shutil.copy(kernel, beside)


@pytest.fixture(scope="module")
def foremend(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Foremend:
    """The installed command in a folder of its own. What it needs comes from here, Foremend itself from the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site = folder / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--no-index", str(wheel)], check=True, capture_output=True)
    _give_kernels(site)
    (site / "what-it-needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "empty").mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "venv" / "bin" / "foremend"), *words]
        return subprocess.run(command, cwd=folder / "empty", env=clean, capture_output=True, text=True)

    return run


def test_it_is_this_version_and_helps(foremend: Foremend) -> None:
    """Without a checkout near."""
    assert foremend("--version").stdout == f"foremend {metadata.version('foremend')}\n"
    assert "demo" in foremend("--help").stdout


def test_the_shipped_config_came_along_and_is_right(foremend: Foremend) -> None:
    """With its rules, its examples, every profile and the catalogue."""
    checked = foremend("check", "--json")

    said = json.loads(checked.stdout)
    assert (checked.returncode, said["problems"]) == (0, [])
    assert min(said["rules"], said["examples"], said["appliance_models"]) > 0


def test_a_beginning_is_written_and_can_be_run(foremend: Foremend) -> None:
    """`foremend init` has its templates, and what it writes is right as it stands or says what to edit."""
    begun = foremend("init", "home")

    assert begun.returncode == 0, begun.stderr
    assert foremend("check", "--config", "config.yaml").returncode == 0


def test_the_demo_warns_from_the_wheel(foremend: Foremend) -> None:
    """With the champions that came along: nothing is trained, and nothing of a checkout is needed."""
    done = foremend("demo", "--headless", "--days", "30", "--appliances", "12", "--seed", "1", "--json")

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["faults_caught"] > 0
    assert result["false_tickets"] == 0
    assert min(result["tickets_opened"], result["webhooks_delivered"], result["notifications_sent"]) > 0


def test_every_file_of_the_packages_is_in_it(wheel: Path) -> None:
    """Code and data alike: scenarios, migrations, the page, the beginnings, trained models."""
    packages = ("foremend", "ingest", "models", "rules", "alerts", "simulators")
    listed = subprocess.run(
        ["git", "ls-files", *packages], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )

    assert set(listed.stdout.split()) - set(ZipFile(wheel).namelist()) == set()
