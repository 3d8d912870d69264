"""`foremend check` and `foremend run` refuse the same configurations, with the same sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.bootstrap import run_until_signal
from foremend.errors import ConfigError
from foremend.examples import check_config
from foremend.plan import make_plan

HOOK = "alerts: {webhooks: [{name: desk, url: 'https://desk.example/', secret_env: NOWHERE_SET}]}"
GENERIC = "appliance_model: generic-compressor, signals: {power: {path: P, unit: W}}"
VOLTS = GENERIC.replace("unit: W", "unit: V")
RULE = "name: hot, fault: hot, when: {signal: power, above: 1, unit: W}"
BROKEN = {
    "storage: {folder: file/var}": "storage.folder: DIR/file/var cannot be a folder: DIR/file is a file",
    "models: {registry: file/models}": "models.registry: DIR/file/models cannot be a folder",
    "models: {appliance_models: [rf-261]}": "there is no appliance model 'rf-261': did you mean 'rf-260'?",
    "models: {appliance_models: [toaster]}": "there is no appliance model 'toaster': there are ac-26f",
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
        check_config(path)
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
        make_plan(written(tmp_path, text))

    assert len(str(found.value).splitlines()) == 4
