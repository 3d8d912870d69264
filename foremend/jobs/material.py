"""What there is to learn from, as a command names it: stored history, outcomes, and whose owners agreed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from alerts.database import open_database
from alerts.outcomes import may_be_learnt_from, may_teach
from alerts.policies import load_policies
from alerts.settings import AlertsSettings
from foremend.config import StorageSettings
from foremend.learning.outcomes import from_tickets, read_outcomes
from foremend.learning.past import Permitted, stored_in
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile
from models.outcomes import Outcome

TICKETS, INFLUX = "tickets", "influx"


def confirmed(outcomes: str, settings: AlertsSettings, clock: Clock) -> tuple[Sequence[Outcome], Permitted]:
    """Outcomes of a file that `read_outcomes` takes, or of `tickets`, and who may be learnt from by them."""
    if outcomes == TICKETS:
        tickets = open_database(settings.database)
        return from_tickets(tickets, clock), partial(may_be_learnt_from, tickets, clock)
    path = Path(outcomes)
    reported = read_outcomes(path)
    if path.suffix == ".json":
        return reported, set  # a simulation has no owners
    policies = load_policies(settings.policies.folders, settings.jurisdiction)
    return reported, partial(may_teach, open_database(settings.database), policies, clock)


def stored_of(history: str, profile: Profile, settings: StorageSettings) -> tuple[History, int]:
    """The history in a folder of Parquet or in `influx`, and how many days of the appliance model it holds.

    0 where that is not known beforehand. Raises ConfigError where the settings name no InfluxDB.
    """
    if history != INFLUX:
        days = Path(history).glob(f"**/appliance_model={profile.name}/day=*")
        return stored_in(Path(history)), len(list(days))
    if settings.influx is None:
        raise ConfigError("--history influx needs the settings under storage.influx")
    from foremend.history.influx import InfluxHistory

    return InfluxHistory(settings.influx), 0
