"""A household of one that falls silent: signs of life from appliances, and whether they are missing (decision 104)."""

from models.wellbeing.rhythm import LEAST_DAYS, Quiet, judged
from models.wellbeing.signs import SIGNALS, STALE_US, heard, merged, signs_of_life

__all__ = ["LEAST_DAYS", "SIGNALS", "STALE_US", "Quiet", "heard", "judged", "merged", "signs_of_life"]
