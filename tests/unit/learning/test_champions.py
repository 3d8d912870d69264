"""The champions that come with Foremend are those that today's profiles and code would give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from foremend.learning.champions import PROOF_FILE, proof_of, read_proof
from foremend.learning.model_building import load_fitted
from foremend.learning.training import SHIPPED, fitted_models, in_use, recipe_of, to_train
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.profiles import Profile, load_profiles
from models.registry.registry import MODEL_FILE, Registry
from models.settings import ModelsSettings, TrainingSettings
from simulators.categories import appliance_models

MOST_BYTES = 16_000_000
ANEW = "raise PRACTICE in foremend/learning/training.py where learning changed, and run `make champions`"
PROFILES = load_profiles()
TRAINED = sorted(name for name in appliance_models() if PROFILES[name].faults)
"""Every appliance model that is simulated and can fail."""


def test_all_of_them_are_small() -> None:
    """They come with every installation."""
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) < MOST_BYTES


def test_every_simulated_appliance_model_that_can_fail_has_one() -> None:
    """A first start trains none of them; and no champion comes for what nobody simulates any more."""
    assert list(Registry(SHIPPED).appliance_models()) == TRAINED, ANEW


@pytest.mark.parametrize("name", TRAINED)
def test_a_champion_is_of_todays_recipe(name: str) -> None:
    """Its profile, features and settings are those of today, and its bytes are those of its card."""
    shipped = Registry(SHIPPED)

    (version,) = shipped.versions(name)
    card, _ = shipped.load(name, version)

    assert card.recipe == recipe_of(PROFILES[name], ModelsSettings()), ANEW


@pytest.mark.parametrize("name", TRAINED)
def test_a_champion_fits_todays_code(name: str) -> None:
    """A small fleet shows what it showed then, the champion says of it what it said, and practice is the same."""
    shipped = Registry(SHIPPED)
    (version,) = shipped.versions(name)

    proof = proof_of(PROFILES[name], load_fitted(name, version, shipped))

    for part, then in read_proof(SHIPPED, name, version).items():
        np.testing.assert_allclose(proof[part], then, rtol=1e-3, atol=1e-6, err_msg=f"{part}: {ANEW}")


@pytest.fixture
def simulated() -> Profile:
    """Of an appliance model that a champion comes for."""
    return PROFILES[TRAINED[0]]


def test_a_first_start_trains_nothing(simulated: Profile, tmp_path: Path) -> None:
    """The champion is copied, signed by the installation's key and in use like any other; once."""
    registry, settings = Registry(tmp_path, b"a key"), ModelsSettings(registry=tmp_path)
    profiles = {simulated.name: simulated}

    for at in (1, 2):
        assert to_train(profiles, registry, settings, at=at) == []

    fitted = fitted_models(profiles, registry, settings, lambda *_: None, at=3)
    assert fitted[simulated.name].version == "v0001"
    assert registry.versions(simulated.name) == ["v0001"]
    assert registry.card(simulated.name, "v0001").signature
    assert registry.aliases(simulated.name).history[0].why == "it comes with Foremend"


def test_another_recipe_is_trained(simulated: Profile, tmp_path: Path) -> None:
    """A champion that was made by other settings is none of this installation's."""
    settings = ModelsSettings(registry=tmp_path, training=TrainingSettings(days=60))

    missing = to_train({simulated.name: simulated}, Registry(tmp_path), settings, at=1)

    assert missing == [simulated]
    assert Registry(tmp_path).versions(simulated.name) == []


def test_a_registry_of_an_earlier_build_stops_no_start(simulated: Profile, tmp_path: Path) -> None:
    """Its champion, a file that nobody reads any more, is left out until the one that is trained takes its place."""
    registry, profiles = Registry(tmp_path), {simulated.name: simulated}
    assert to_train(profiles, registry, ModelsSettings(registry=tmp_path), at=1) == []
    kept = tmp_path / simulated.name / "v0001" / MODEL_FILE
    kept.rename(kept.with_name("model.skops"))
    settings = ModelsSettings(registry=tmp_path, training=TrainingSettings(days=60))

    missing, fitted = to_train(profiles, registry, settings, at=2), in_use(profiles, registry)

    assert (missing, fitted) == ([simulated], {})


def test_a_champion_that_is_gone_is_refused(simulated: Profile, tmp_path: Path) -> None:
    """No earlier build wrote it: somebody lost the file, and says where it comes from."""
    registry, profiles = Registry(tmp_path), {simulated.name: simulated}
    to_train(profiles, registry, ModelsSettings(registry=tmp_path), at=1)
    (tmp_path / simulated.name / "v0001" / MODEL_FILE).unlink()

    with pytest.raises(IntegrityError, match=r"model\.npz is missing: restore it from a backup"):
        in_use(profiles, registry)


def test_a_damaged_champion_is_refused(
    simulated: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte more in the package, and it is not copied."""
    damaged = tmp_path / "champions"
    home = damaged / simulated.name / "v0001"
    home.mkdir(parents=True)
    for file in (SHIPPED / simulated.name / "v0001").iterdir():
        (home / file.name).write_bytes(file.read_bytes())
    with (home / MODEL_FILE).open("ab") as file:
        file.write(b"!")
    monkeypatch.setattr("foremend.learning.training.SHIPPED", damaged)

    with pytest.raises(IntegrityError, match="does not match the checksum"):
        to_train(
            {simulated.name: simulated}, Registry(tmp_path / "own"), ModelsSettings(registry=tmp_path), at=1
        )


@pytest.mark.parametrize("name", TRAINED)
def test_a_proof_lies_beside_each(name: str) -> None:
    """As numbers that people can read."""
    kept = json.loads((SHIPPED / name / "v0001" / PROOF_FILE).read_text())

    assert kept.keys() == {"features", "said", "practice"}
    assert len(kept["said"]) == len(PROFILES[name].faults)
