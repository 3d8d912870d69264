"""`foremend check` and the processes refuse the same configurations, with the same sentences."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from foremend.cli import main
from foremend.config import load_settings
from foremend.jobs.check import check_config
from foremend.plan import PROCESSES, examine, make_plan, notes
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles
from foremend.wiring.one_machine import run_until_signal

HOOK = "alerts: {webhooks: [{name: desk, url: 'https://desk.example/', secret_env: NOWHERE_SET}]}"
FRIDGE = "appliances: {fridge: {appliance_id: f, appliance_model: generic-compressor}}"
GENERIC = "appliance_model: generic-compressor, signals: {power: {path: P, unit: W}}"
VOLTS = GENERIC.replace("unit: W", "unit: V")
RULE = "name: hot, fault: hot, when: {signal: power, above: 1, unit: W}"
BROKEN = {
    "storage: {folder: file/var}": "storage.folder: DIR/file/var cannot be a folder: DIR/file is a file",
    "models: {registry: file/models}": "models.registry: DIR/file/models cannot be a folder",
    "models: {appliance_models: [rf-261]}": "there is no appliance model 'rf-261': did you mean 'rf-260'?",
    "models: {appliance_models: [toaster]}": "there is no appliance model 'toaster': there are ac-26f",
    "models: {costs: {faults: {compressor-ware: {missed: 9}}}}": (
        "models.costs.faults: no profile has a fault 'compressor-ware': did you mean 'compressor-wear'?"
    ),
    "models: {costs: {areas: {north: {faults: {rust: {missed: 9}}}}}}": (
        "models.costs.areas.north.faults: no profile has a fault 'rust': there are "
    ),
    "ingest: {decoders: [{decoder: tasmota, appliance_model: toaster, signals: {power: {path: P, unit: W}}}]}": (
        "ingest.decoders[0] (tasmota): appliance model 'toaster' has no profile"
    ),
    "ingest: {decoders: [{decoder: tasmota, "
    + GENERIC
    + "}, {decoder: esphome, "
    + VOLTS
    + "}]}": "ingest.decoders[1] (esphome): 'V' (voltage) cannot become",
    "ingest: {decoders: [{decoder: esphome, "
    + GENERIC.replace("power", "pwr")
    + "}]}": "pwr is no signal of",
    "ingest: {decoders: [{decoder: tasmota, timezone: Mars/X, "
    + GENERIC
    + "}]}": "'Mars/X' is not a time zone",
    "ingest: {decoders: [{decoder: esphome, "
    + GENERIC
    + "}, {decoder: esphome, "
    + GENERIC
    + "}]}": "ingest.decoders[1] (esphome): no message reaches it: ingest.decoders[0] takes its topics",
    "ingest: {decoders: [{decoder: tasmota, "
    + GENERIC
    + "}, {decoder: zigbee2mqtt, topic: 'tele/{appliance_id}/SENSOR', "
    + GENERIC
    + ", "
    + FRIDGE
    + "}]}": "ingest.decoders[1] (zigbee2mqtt): appliances: no message of 'fridge' reaches it",
    "ingest: {decoders: [{decoder: zigbee2mqtt, topic: 'dt/appliance/rf-260/{appliance_id}/telemetry', "
    + FRIDGE
    + ", signals: {power: {path: P, unit: W}}}]}": "no message reaches it: the reader of canonical topics takes",
    "ingest: {decoders: [{decoder: esphome, "
    + FRIDGE.replace("fridge:", "kitchen/fridge:")
    + ", signals: {power: {path: P, unit: W}}}]}": "appliances: 'kitchen/fridge' cannot be the device's name",
    "ingest: {decoders: [{decoder: esphome, "
    + FRIDGE
    + ", signals: {power: {path: P, unit: W}}}, {decoder: esphome, "
    + FRIDGE
    + ", signals: {power: {path: Q, unit: W}}}]}": "ingest.decoders[1] (esphome): appliances: power of",
    "mqtt: {subscribe: ['dt/appliance/+/+/telemetry', 'tele/#']}": "mqtt.subscribe: 'tele/#' brings only what nobody",
    "alerts: {push: {url_env: NOWHERE_SET}}": "alerts.push.url_env: NOWHERE_SET holds no url",
    "alerts: {push: {url_env: A, url_file: b}}": "alerts.push: give url_env or url_file, one of them",
    "alerts: {email: {url_file: file}}": "alerts.email.url: that line is none that Apprise understands",
    "alerts: {home_assistant: {topic: 'a/#'}}": "alerts.home_assistant.topic: String should match pattern",
    "mqtt: {subscribe: ['dt/#/telemetry']}": "mqtt.subscribe[0]: 'dt/#/telemetry' is no MQTT filter",
    "storage: {folder: shared}": "storage.folder DIR/shared is shared by everybody",
    "mqtt: {user: u, password_env: NOWHERE_SET}": "mqtt.password_env: the environment has no NOWHERE_SET",
    "mqtt: {user: u, password_file: nowhere}": "mqtt.password_file: cannot read DIR/nowhere",
    "mqtt: {url: 'mqtts://b:8883', ca: nowhere}": "mqtt: cannot use ca, certificate or key",
    "mqtt: {url: 'mqtt://b:99999'}": "is not a broker",
    "service: {port: 70000}": "service.port",
    "rules: {}": "rules.book: there is no rule",
    "rules: {book: [{" + RULE.replace("unit: W", "unit: kW") + "}]}": "rule hot: power is measured in W",
    "rules: {book: [{"
    + RULE
    + ", applies_to: {category: toaster}}]}": "rule hot: applies_to matches no appliance model",
    "rules: {book: [{" + RULE.replace("power", "pwr") + "}]}": "measures 'pwr'",
    HOOK: "webhook 'desk': no secret in NOWHERE_SET",
    HOOK.replace("secret_env: NOWHERE_SET", "secret_file: nowhere"): "there is no secret file DIR/nowhere",
    HOOK.replace("secret_env: NOWHERE_SET", "secret_file: file"): "the secret is not base64 after whsec_",
    HOOK.replace("desk.example", "[64:ff9b::10.0.0.1]"): "is at a private address",
    HOOK.replace("desk.example", "127.0.0.1"): "is at a private address",
    HOOK.replace("desk.example/", "desk.example:x/"): "is not a URL",
    "alerts: {database: 'postgresql://h/db?password_file=nowhere'}": "password_file nowhere cannot be read",
    "alerts: {database: 'nonsense'}": "alerts.database is not a database URL",
    "alerts: {database: 'mysql://h/db'}": "cannot keep effects",
    "alerts: {sms: {file: file/sms.jsonl}}": "alerts.sms.file: DIR/file cannot be a folder",
    "alerts: {key_file: file}": "can be read by others; run: chmod 600",
    "storage: {history: influx, influx: {token_env: NOWHERE_SET}}": "storage.influx.token_env: NOWHERE_SET",
    "profiles: {folders: [nowhere]}": "DIR/nowhere is not a folder",
    "profiles: {folders: [broken]}": "DIR/broken/x.yaml is not YAML",
}


def written(folder: Path, text: str) -> Path:
    (folder / "file").write_text("whsec_!")
    (folder / "file").chmod(0o644)
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o1777)
    (folder / "broken").mkdir()
    (folder / "broken" / "x.yaml").write_text("a: [")
    path = folder / "config.yaml"
    path.write_text("extends: shipped\n" + text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", BROKEN)
def test_check_and_run_refuse_alike(text: str, tmp_path: Path) -> None:
    """One sentence of what is wrong, where and how to mend it; code 2; nothing is made."""
    path = written(tmp_path, text)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ConfigError) as checked:
        check_config(path, "run").require()
    with pytest.raises(ConfigError) as ran:
        run_until_signal(path)

    assert BROKEN[text].replace("DIR", str(tmp_path)) in str(checked.value)
    assert str(ran.value) == str(checked.value)
    assert checked.value.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_everything_is_found_at_once(tmp_path: Path) -> None:
    """Four mistakes in four parts of the file take one look."""
    text = "models: {appliance_models: [rf-261]}\nrules: {}\nstorage: {folder: file/var}\n" + HOOK

    with pytest.raises(ConfigError) as found:
        make_plan(written(tmp_path, text), "run")

    assert len(str(found.value).splitlines()) == 4


def test_no_mistake_hides_another(tmp_path: Path) -> None:
    """Mistakes of writing, a profile that is wrong and what only a look at the parts together shows: one look."""
    text = """
service: {port: 70000, prot: 1}
sevice: {}
storage: {folder: file/var, rest_aftr: 1 d}
profiles: {folders: [broken]}
ingest:
  lateness: soon
  decoders:
    - {decoder: tasmota, timezone: Mars/X, appliance_model: generic-compressor, signals: {power: {path: P, unit: W}}}
    - {decoder: esphome, appliance_model: x, signals: {power: {path: P, unit: W}}}
    - {decoder: esphome, appliance_model: generic-compressor, signals: {power: {path: P, unit: V}}}
models: {appliance_models: [rf-261, x]}
rules:
  book:
    - {name: hot, fault: hot, when: {signal: power, above: much, unit: W}}
    - {name: cold, fault: cold, when: {signal: power, above: 1, unit: kW}}
alerts:
  retry: {first_delay: 0}
  webhooks: [{name: bad}, {name: desk, url: 'https://desk.example/', secret_env: NOWHERE_SET}]
"""

    found = examine(written(tmp_path, text)).problems

    assert sorted(problem.where.replace(str(tmp_path), "DIR") for problem in found) == sorted(
        [
            "",
            "service",
            "service.port",
            "storage",
            "storage.folder",
            "DIR/broken/x.yaml",
            "ingest.lateness",
            "ingest.decoders[0].tasmota.timezone",
            "ingest.decoders[2]",
            "models.appliance_models",
            "rules.book[0].when.above",
            "rules.book[1]",
            "alerts.retry.first_delay",
            "alerts.webhooks[0].url",
            "alerts.webhooks[1].secret",
        ]
    )
    assert all(problem.what and problem.mend for problem in found)


def test_what_a_profile_that_is_wrong_would_have_said_is_not_held_against_others(tmp_path: Path) -> None:
    """Names of it are known, and whom a rule reaches nobody can say yet."""
    rule = (
        "{name: hot, fault: hot, applies_to: {appliance_model: x}, when: {signal: power, above: 1, unit: W}}"
    )
    text = f"profiles: {{folders: [broken]}}\nmodels: {{appliance_models: [x]}}\nrules: {{book: [{rule}]}}\n"

    found = examine(written(tmp_path, text)).problems

    assert [problem.where for problem in found] == [str(tmp_path / "broken" / "x.yaml")]


KAFKA = "kafka: {security: {protocol: SASL_SSL, user: u, password_env: NOWHERE_SET, ca: nowhere}}"
NEEDED = {
    KAFKA: {"gateway", "worker"},
    HOOK: {"run", "service", "worker"},
    "mqtt: {user: u, password_env: NOWHERE_SET}": {"run", "gateway"},
    "ingest: {decoders: [{decoder: esphome, " + VOLTS + "}]}": {"run", "gateway"},
    "models: {appliance_models: [rf-261]}": {"run", "worker"},
    "rules: {}": {"run", "worker"},
    "storage: {folder: file/var}": {"run", "service", "worker"},
    "service: {port: 70000}": {"run", "service", "gateway", "worker"},
}


@pytest.mark.parametrize("text", NEEDED)
def test_each_process_refuses_what_it_needs(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentences of `check --for`, and code 2; what a process does not need does not stop it."""
    path = written(tmp_path, text)

    refusing = {process for process in PROCESSES if examine(path, process).problems}

    assert refusing == NEEDED[text]
    for process in refusing:
        ended = [
            call(monkeypatch, *command, "--config", str(path))
            for command in (["check", "--for", process], [process])
        ]
        said = capsys.readouterr().err.strip().split("foremend: ")[1:]
        assert ended == [2, 2]
        assert (
            said[0].strip() == said[1].strip() == "\n".join(p.what for p in examine(path, process).problems)
        )
    assert {problem.what for problem in examine(path).problems} >= {
        problem.what for process in PROCESSES for problem in examine(path, process).problems
    }


def test_check_lists_what_is_wrong_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where, what and what to do of each, on stdout; the sentences on stderr; the code of a wrong setting."""
    path = written(tmp_path, "rules: {}\nmodels: {appliance_models: [rf-261]}")

    code = call(monkeypatch, "check", "--json", "--config", str(path))

    printed = capsys.readouterr()
    problems = json.loads(printed.out)["problems"]
    assert code == 2
    assert [problem["where"] for problem in problems] == ["models.appliance_models", "rules.book"]
    assert all(set(problem) == {"where", "what", "mend"} and problem["mend"] for problem in problems)
    assert all(problem["what"] in printed.err for problem in problems)


OWN_PROFILE = """
name: pump-1
category: pump
title: { en: Pump, zh: 水泵 }
signals:
  Druck: { unit: bar, min: 0, max: 20 }
  power: { unit: W, min: 0, max: 900 }
  phase: { unit: code, min: 0, max: 9, title: { en: phase, zh: 阶段 } }
states: { signal: phase, named: { filling: { code: 1 }, 加热: { code: 2, explained_by: [door_openings] } } }
"""


def test_check_notes_what_a_profile_leaves_without_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signals and states without words, and an explanation that is not measured: notes, and code 0 all the same."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "pump-1.yaml").write_text(OWN_PROFILE, "utf-8")
    path = written(tmp_path, f"profiles: {{folders: [{tmp_path / 'profiles'}]}}")

    told = call(monkeypatch, "check", "--no-examples", "--config", str(path)), capsys.readouterr().err
    code = call(monkeypatch, "check", "--no-examples", "--json", "--config", str(path))
    found = json.loads(capsys.readouterr().out)

    assert (told[0], code, found["problems"]) == (0, 0, [])
    assert [note["where"] for note in found["notes"]] == ["pump-1", "pump-1"]
    assert "no words for Druck, 加热:" in found["notes"][0]["what"]
    assert "door_openings: is not measured" in found["notes"][1]["what"]
    assert all(note["what"] in told[1] for note in found["notes"])


def test_check_notes_an_appliance_model_of_which_no_rule_speaks(tmp_path: Path) -> None:
    """Its silence alone would be told; what a rule asks of other signals or categories is not about it."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "pump-1.yaml").write_text(OWN_PROFILE, encoding="utf-8")
    rules = """
    - {name: warm, fault: not-cooling, when: {signal: cabinet_temp, above: 12, unit: degC}}
    - {name: no-data, fault: silent, when: {silent_for: 3 d}}
    """
    path = written(tmp_path, f"profiles: {{folders: [profiles]}}\nrules:\n  book:{rules}")

    noted = [note.what for note in check_config(path, examples=False).notes]

    assert (
        "rules.book: no rule speaks of pump-1 but of its silence, so nothing would ever be found of it"
        in [what.partition(": write ")[0] for what in noted]
    )
    assert not [what for what in noted if "no rule speaks of rf-260" in what]


def test_the_bundled_profiles_leave_nothing_to_note() -> None:
    """Every signal and state has its words, and the shipped rules speak of each."""
    assert not [*notes(load_profiles().values(), load_settings().rules)]


@pytest.mark.parametrize("name", ["nowhere.yaml", "file"])
def test_a_file_that_cannot_be_read_is_listed_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the one problem there is."""
    path = written(tmp_path, "").with_name(name)

    code = call(monkeypatch, "check", "--json", "--config", str(path))

    assert code == 2
    assert [problem["where"] for problem in json.loads(capsys.readouterr().out)["problems"]] == [str(path)]


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line; its exit code."""
    monkeypatch.setattr(sys, "argv", ["foremend", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_decoders_that_share_topics_and_no_devices_are_right(tmp_path: Path) -> None:
    """Entries for some devices, and one behind them for all others: each gets messages."""
    first = "decoder: esphome, " + FRIDGE + ", signals: {power: {path: P, unit: W}}"
    second = first.replace("fridge:", "freezer:").replace("id: f", "id: g")
    entries = (
        f"[{{{first}}}, {{{second}}}, {{decoder: esphome, {GENERIC}}}, {{decoder: zigbee2mqtt, {GENERIC}}}]"
    )

    assert not examine(written(tmp_path, f"ingest: {{decoders: {entries}}}")).problems


@pytest.mark.parametrize(
    ("process", "more", "refused"),
    [
        ("run", "", False),
        (None, "", False),
        ("service", "", True),
        ("worker", "", True),
        (None, "kafka: {partitions: 4}", True),
    ],
)
def test_home_assistant_where_nobody_would_tell_it_is_refused(
    tmp_path: Path, process: Any, more: str, refused: bool
) -> None:
    """`foremend run` alone does: with a service, a worker or Kafka the setting could never take effect."""
    path = tmp_path / "config.yaml"
    path.write_text(f"extends: shipped\nalerts: {{home_assistant: {{}}}}\n{more}\n")

    found = [one for one in examine(path, process).problems if one.where == "alerts.home_assistant"]

    assert bool(found) == refused


@pytest.mark.parametrize(("names", "noted"), [([], True), (["foremend.example"], False)])
def test_a_service_on_all_addresses_without_a_name_is_noted(
    tmp_path: Path, names: list[str], noted: bool
) -> None:
    """Its `Host` is checked there, too, so whoever comes by a name would be refused."""
    file = tmp_path / "config.yaml"
    file.write_text(f"extends: shipped\nservice: {{host: 0.0.0.0, names: {names}}}\n", "utf-8")

    notes = check_config(file, examples=False).notes

    assert ("service.names" in {one.where for one in notes}) is noted
