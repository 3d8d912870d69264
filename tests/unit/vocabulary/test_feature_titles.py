"""Every feature that a bundled appliance model has can be read by a technician, in English and Chinese."""

from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.profiles import Profile, load_profiles


def test_every_daily_feature_of_a_bundled_profile_has_words() -> None:
    """In both languages, also what cycles are read from: power or current, whichever is known."""
    profiles = load_profiles()
    titles = feature_titles(profiles.values())

    features = {one.name for profile in profiles.values() for one in profile.daily_features}

    assert features <= {*titles}
    assert all(titles[name]["en"] and titles[name]["zh"] for name in features)


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


def test_a_signal_reads_by_its_own_title() -> None:
    """The words of a profile; where it has none, those that another profile has for the name."""
    profiles = load_profiles()
    fridge = profiles["rf-260"].model_dump()
    fridge["name"], fridge["signals"]["power"]["title"] = "rf-261", {"en": "draw", "zh": "耗电"}
    del fridge["signals"]["current"]["title"]

    titles = feature_titles([*profiles.values(), Profile.model_validate(fridge)])

    assert titles["power_mean"] == {"en": "mean draw", "zh": "平均耗电"}
    assert titles["current_mean"] == {"en": "mean current", "zh": "平均电流"}


def test_what_two_signals_differ_by_has_a_unit_of_its_own() -> None:
    """A difference of temperatures is in kelvin, a change of it in kelvin a minute, a share has none."""
    units = load_profiles()["rf-260"].feature_units

    assert units["cabinet_temp_mean"] == "degC"
    assert units["cooling_cabinet_temp_less_set_point"] == units["cabinet_temp_std"] == "K"
    assert (units["idle_cabinet_temp_rate"], units["cooling_power_rate"]) == ("K/min", "W/min")
    assert (units["longest_run_s"], units["duty"], units["on_power"]) == ("s", "", "W")
