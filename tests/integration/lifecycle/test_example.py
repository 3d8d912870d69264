"""examples/predict_faults.py does what it says, on a fleet of reduced size."""

import importlib.util
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foremend.learning.training_sets import Split, TrainingSet
from foremend.vocabulary.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "examples" / "predict_faults.py"


def test_the_example_runs_from_an_empty_folder_to_a_judgement(tmp_path: Path) -> None:
    """Every step of it; the figures are probabilities and shares."""
    example = loaded()

    result = example.main(appliances=24, days=70, seed=1, folder=tmp_path / "fleet")

    assert result["rows"] > 0
    shares = [value for name, value in result.items() if name.startswith(("average", "share"))]
    assert all(0 <= share <= 1 for share in shares)


def test_too_little_data_is_a_sentence(tmp_path: Path) -> None:
    """Five days of one appliance teach nothing: that is said, with no traceback and no figure that is none."""
    few = [sys.executable, str(EXAMPLE), "--appliances", "1", "--days", "5"]

    ended = subprocess.run(few, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("predict_faults: the history holds too few days")
    assert "nan" not in ended.stdout


@pytest.mark.parametrize(("part", "what"), [("learn", "learn from"), ("judge", "judge by")])
@pytest.mark.parametrize(("days", "state"), [(math.inf, "ill"), (9.0, "healthy")])
def test_each_part_needs_the_ill_and_the_healthy(part: str, what: str, days: float, state: str) -> None:
    """Without either, a share of it would be nan."""
    both = TrainingSet(("a",), np.zeros((2, 1)), np.array([[math.inf], [9.0]]), np.array([0, 1], np.int32))
    one_sided = TrainingSet(("a",), np.zeros((2, 1)), np.full((2, 1), days), both.appliance)
    rows = replace(Split(both, both), **{part: one_sided})

    with pytest.raises(ConfigError, match=f"no {state} row to {what}, of 2 appliances"):
        loaded().require_enough(rows)


def loaded() -> Any:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("predict_faults", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example
