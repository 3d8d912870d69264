"""A household of one that falls silent: signs of life from appliances, and whether they are missing (decision 104)."""

from models.wellbeing.rhythm import DAYS_KEPT, LEAST_DAYS, Quiet, judged
from models.wellbeing.signs import heard, signs_of_life

__all__ = ["DAYS_KEPT", "LEAST_DAYS", "Quiet", "heard", "judged", "signs_of_life"]
