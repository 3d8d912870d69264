"""What every test shares."""

from hypothesis import settings

# Timings belong in benchmarks: a slow machine is not a failing test.
settings.register_profile("foremend", deadline=None)
settings.load_profile("foremend")
