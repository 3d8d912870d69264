"""Every feature that a bundled appliance model has can be read by a technician, in English and Chinese."""

from foremend.engine.lane import LOAD, Lane
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.profiles import load_profiles


def test_every_daily_feature_of_a_bundled_profile_has_words() -> None:
    """`load` is only what cycles are read from: power under another name."""
    profiles = load_profiles()
    titles = feature_titles(profiles.values())

    features = {name for profile in profiles.values() for name in Lane(profile, lateness_ms=0).feature_names}

    assert {name for name in features if not name.startswith(LOAD)} <= {*titles}


def test_a_state_feature_reads_as_a_sentence() -> None:
    """Signal, then state; the Chinese order is the other way round."""
    titles = feature_titles(load_profiles().values())

    assert titles["cooling_outdoor_coil_temp_less_outdoor_temp"] == {
        "en": "outdoor coil temperature above outdoor temperature while cooling",
        "zh": "制冷时室外盘管温度与室外温度之差",
    }
    assert titles["spinning_vibration_peak"] == {
        "en": "highest vibration while spinning",
        "zh": "脱水时最高振动",
    }
    assert titles["draining_water_level_rate"]["en"] == "change of water level a minute while draining"
