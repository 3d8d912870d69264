"""examples/predict_faults.py does what it says, on a fleet of reduced size."""

import importlib.util
import math
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "predict_faults.py"


def test_the_example_runs_from_an_empty_folder_to_a_judgement(tmp_path: Path) -> None:
    """Every step of it; the figures are probabilities and shares."""
    spec = importlib.util.spec_from_file_location("predict_faults", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    result = example.main(appliances=24, days=70, seed=1, folder=tmp_path / "fleet")

    assert result["rows"] > 0
    shares = [value for name, value in result.items() if name.startswith(("average", "share"))]
    assert all(math.isnan(share) or 0 <= share <= 1 for share in shares)
