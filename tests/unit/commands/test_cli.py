"""The command line: bad input is one sentence, an exit code that means something, and nothing left behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from foremend.commands.demo.processes import free_port
from foremend.commands.table import COMMANDS
from tests.unit.commands.command_line import call, command_of

MAPPING = "examples/mappings/tracebase.yaml"
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["simulate", "--days", "-1", "--out", "OUT"], 2, "days"),
        (["simulate", "--appliances", "0", "--out", "OUT"], 2, "at least 1"),
        (["simulate", "--appliance-model", "nope", "--out", "OUT"], 2, "no simulated appliance model 'nope'"),
        (["simulate", "--scenario", "nope", "--out", "OUT"], 2, "nope"),
        (["simulate", "--days", "2"], 2, "either --out DIR for history or --mqtt URL"),
        (
            ["simulate", "--appliances", "12", "--days", "1", "--mqtt", "mqtt://127.0.0.1:PORT"],
            4,
            "no MQTT broker",
        ),
        (["simulate", "--appliances", "12", "--days", "1", "--out", "/proc/x"], 2, "cannot write"),
        (["replay", "OUT.csv", "--mapping", MAPPING], 3, "OUT.csv"),
        (["replay", "OUT.csv", "--mapping", "nope.yaml"], 2, "nope.yaml cannot be read"),
        (["run", "--config", "nope.yaml"], 2, "nope.yaml cannot be read"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    arguments: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong, where, and a code; no traceback, nothing on stdout, no half-written folder."""
    out, port = tmp_path / "out", str(free_port())
    arguments = [argument.replace("OUT", str(out)).replace("PORT", port) for argument in arguments]

    assert call(monkeypatch, *arguments) == code

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("foremend: ")
    assert sentence.replace("OUT", str(out)) in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_of_a_command_what_it_says_itself(name: str) -> None:
    """`foremend --help` and the shell's completion know it by the table alone; its own help begins with the same."""
    command, _ = command_of([name])

    assert (command.name, command.help.partition("\n\n")[0]) == (name, COMMANDS[name][1])


def test_no_command_is_loaded_to_list_them_all() -> None:
    """To load each costs the help, and all of them each call of one, a third of a second of processor time."""
    listed = "from foremend.cli import main; main()"

    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", listed, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    ours = set(re.findall(r"foremend\.commands\.\w+", said.stderr))
    assert ours == {"foremend.commands.common", "foremend.commands.table"}
    assert set(COMMANDS) <= set(said.stdout.split())


def test_the_catalogue_is_json_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`foremend faults --json` is one object, with the number of faults that was promised in each category."""
    assert call(monkeypatch, "faults", "--json") == 0

    entries = json.loads(capsys.readouterr().out).values()
    counted = [entry["category"] for entry in entries]
    assert counted.count("air-conditioner") >= 16
    assert counted.count("refrigerator") >= 8
    assert counted.count("washing-machine") >= 6
    assert counted.count("water-heater") >= 4


def test_history_and_truth_are_written_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`foremend simulate --out` leaves history in one place and what truly happened in another."""
    out = tmp_path / "fleet"

    code = call(
        monkeypatch, "simulate", "--appliance-model", "rf-260", "--appliances", "2", "--days", "2",
        "--faults", "1", "--seed", "3", "--out", str(out), "--json",
    )  # fmt: skip

    written = json.loads(capsys.readouterr().out)
    assert code == 0
    assert written["readings"] > 2 * 2 * 1_200
    assert list((out / "history").glob("appliance_model=rf-260/day=*/*.parquet"))
    assert len(json.loads((out / "truth.json").read_text())) == written["faults"]


def test_an_empty_registry_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`foremend models list` says how the first version is made; programs get an empty object."""
    config = tmp_path / "config.yaml"
    config.write_text("extends: shipped\nmodels: { registry: models }\n", encoding="utf-8")

    assert call(monkeypatch, "models", "list", "--config", str(config)) == 0
    people = capsys.readouterr()
    assert call(monkeypatch, "models", "list", "--config", str(config), "--json") == 0
    programs = capsys.readouterr()

    assert people.out == ""
    assert people.err.startswith(
        "No version is stored yet: 'foremend train --appliance-model MODEL' makes one"
    )
    assert json.loads(programs.out) == {}
