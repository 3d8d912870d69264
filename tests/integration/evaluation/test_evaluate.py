"""`foremend evaluate` on simulated history: a report that holds every figure, and refuses what it cannot judge."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from alerts.database import open_database, writing
from alerts.tables import ApplianceRow, OwnerRow
from foremend.config import load_settings
from foremend.jobs.evaluate import evaluate, in_short
from foremend.learning.stored import open_registry
from foremend.learning.training import train_champion
from foremend.runtimes.clock import SystemClock
from foremend.service.v1.evaluations import EvaluationView
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import write_history
from simulators.fleet.scenario import plain_fleet

MODEL = "wh-60"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config whose registry holds a champion, trained on very little."""
    path = tmp_path_factory.mktemp("evaluate") / "config.yaml"
    training = {"appliances": 20, "days": 40, "every_days": 1}
    shipped = load_settings().model_dump(mode="json", include={"rules"}, exclude_defaults=True)
    path.write_text(yaml.safe_dump({**shipped, "models": {"registry": "models", "training": training}}))
    settings = load_settings(path)
    now = SystemClock().now_ms()
    train_champion(load_profiles()[MODEL], open_registry(settings.models), settings.models, now)
    return path


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small fleet's past, with its truth."""
    folder = tmp_path_factory.mktemp("past") / "fleet"
    write_history(Fleet(plain_fleet({MODEL: 8}, 40, 0.8), seed=5), folder)
    return folder


def test_the_report_holds_every_figure(config: Path, past: Path, tmp_path: Path) -> None:
    """JSON for machines, one HTML file for people, in agreement with what is returned."""
    report = evaluate(MODEL, None, past, past / "truth.json", tmp_path / "out", config)

    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    figures = report["versions"]["v0001"]
    assert set(figures["per_fault"]) >= {"element-scale", "element-degradation"}
    assert {"calibration", "lead_time_curve", "cost_curve", "brier_within_days"} <= set(figures)
    assert set(figures["brier_within_days"]) == {"7", "30", "60", "90"}
    assert report["appliance_years"] == pytest.approx(8 * 40 / 365.25, rel=0.1)
    html = (tmp_path / "out" / "report.html").read_text()
    assert html.count("<svg") == 2  # nothing failed that could be foreseen: there is no lead time to show
    assert not any(row["failures"] for row in figures["per_fault"].values())
    days = f"from {day(report['data']['since'])} to {day(report['data']['until'])}"
    assert f"8 appliances of {past.name} {days}" in " ".join(html.split())
    assert f"Made on {day(figures['made_at'])}, recipe {figures['recipe']}" in html
    assert "element-degradation" in html
    assert in_short(report)["v0001"]["recall"] == figures["recall"]


def day(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000, UTC).date().isoformat()


def test_confirmed_outcomes_are_enough(config: Path, past: Path, tmp_path: Path) -> None:
    """A CSV of what technicians found, instead of a truth nobody has."""
    found = tmp_path / "found.csv"
    found.write_text(
        f"appliance_id,fault,confirmed_at\n{MODEL}-00001,element-degradation,2026-04-05T09:00:00Z\n"
    )

    report = evaluate(MODEL, "v0001", past, found, None, config)

    row = report["versions"]["v0001"]["per_fault"]["element-degradation"]
    assert row["failures"] + row["unforeseeable"] == 1


def test_costs_of_faults_and_areas_are_shown_in_money_and_change_nothing(
    config: Path, past: Path, tmp_path: Path
) -> None:
    """Areas are those of the register; whoever is not in it costs what is said of all."""
    dear = tmp_path / "config.yaml"
    said = yaml.safe_load(config.read_text())
    said["models"]["costs"] = {
        "currency": "CNY",
        "visit": 80,
        "missed": 400,
        "areas": {"north": {"visit": 200}},
    }
    said["models"]["registry"] = str(config.parent / "models")
    dear.write_text(yaml.safe_dump(said | {"alerts": {"database": f"sqlite:///{tmp_path}/register.db"}}))
    register = open_database(f"sqlite:///{tmp_path}/register.db")
    with writing(register) as session:
        session.add(OwnerRow(id="o", created_at=1))
        session.flush()
        session.add_all(
            ApplianceRow(
                id=f"{MODEL}-0000{n}", owner_id="o", appliance_model=MODEL, language="zh", timezone="UTC",
                service_area="north",
            )
            for n in (1, 2)
        )  # fmt: skip
    register.dispose()

    plain = evaluate(MODEL, None, past, past / "truth.json", None, config)["versions"]["v0001"]
    report = evaluate(MODEL, None, past, past / "truth.json", tmp_path / "out", dear)

    figures = report["versions"]["v0001"]
    (north,) = figures["choice"]["areas"]
    assert (north["area"], len(north["curve"])) == ("north", len(figures["cost_curve"]))
    assert (figures["choice"]["currency"], plain["choice"]["areas"]) == ("CNY", [])
    assert figures["per_fault"] == plain["per_fault"]
    wrong = sum(80 * one["false_alarms_per_appliance_year"] for one in figures["per_fault"].values())
    assert (
        figures["choice"]["now"] >= wrong
    )  # no failure could be foreseen; some false tickets may be in the north
    assert in_short(report)["v0001"]["cost_per_appliance_year"] == figures["choice"]["now"]
    assert "CNY an appliance-year" in (tmp_path / "out" / "report.html").read_text()

    said["models"]["costs"]["areas"] = {"nroth": {"visit": 200}}
    dear.write_text(yaml.safe_dump(said | {"alerts": {"database": f"sqlite:///{tmp_path}/register.db"}}))
    with pytest.raises(ConfigError, match="no service area 'nroth': did you mean 'north'"):
        evaluate(MODEL, None, past, past / "truth.json", None, dear)
    with pytest.raises(ConfigError, match="nroth"):  # before any history is looked for
        evaluate(MODEL, None, past / "nowhere", past / "truth.json", None, dear)


def test_what_it_costs_is_kept_with_the_version_for_the_console(
    config: Path, past: Path, tmp_path: Path
) -> None:
    """Beside its card, which stays as it is; a registry that cannot be written is told of, and the report is there."""
    registry = open_registry(load_settings(config).models)
    card = registry.card(MODEL, "v0001")

    report = evaluate(MODEL, None, past, past / "truth.json", None, config)

    kept = registry.evaluation(MODEL, "v0001")
    shown = EvaluationView.of("v0001", kept, report["in_force"])
    assert registry.card(MODEL, "v0001") == card
    assert report["not_kept"] is None
    assert (shown.simulated, shown.rules_changed, shown.appliances) == (True, False, 8)
    assert {one.above for one in shown.in_force} == {0.85, 0.7}
    assert shown.all.now == report["versions"]["v0001"]["choice"]["now"]
    assert EvaluationView.of("v0001", kept, []).rules_changed

    file = Path(config.parent / "models" / MODEL / "v0001" / "evaluation.json")
    file.unlink()
    file.with_name("evaluation.json.new").mkdir()
    report = evaluate(MODEL, None, past, past / "truth.json", tmp_path / "out", config)
    assert "evaluation.json cannot be written" in report["not_kept"]
    assert (tmp_path / "out" / "report.json").exists()


def test_costs_of_a_fault_that_no_profile_has_are_refused(config: Path, past: Path, tmp_path: Path) -> None:
    """They would be counted as those of any fault."""
    wrong = tmp_path / "config.yaml"
    said = yaml.safe_load(config.read_text())
    said["models"]["costs"] = {"faults": {"element-scales": {"missed": 4}}}
    wrong.write_text(yaml.safe_dump(said))

    with pytest.raises(
        ConfigError, match="no profile has a fault 'element-scales': did you mean 'element-sc"
    ):
        evaluate(MODEL, None, past, past / "truth.json", None, wrong)


def test_history_of_another_model_is_refused(config: Path, past: Path) -> None:
    """It says what to name."""
    with pytest.raises(ConfigError, match="has no trained model"):
        evaluate("rf-260", None, past, past / "truth.json", None, config)


def test_without_rules_nothing_is_judged(past: Path, tmp_path: Path) -> None:
    """A recall of zero would be the config's, not the model's."""
    (tmp_path / "config.yaml").write_text("models: {registry: models}")

    with pytest.raises(ConfigError, match=r"there is no rule, .* 'extends: shipped'"):
        evaluate(MODEL, None, past, past / "truth.json", None, tmp_path / "config.yaml")
