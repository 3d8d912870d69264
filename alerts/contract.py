"""On which terms an appliance is served: whose it is, where, what was promised, and what stands on its nameplate."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.nameplates import Nameplate
from alerts.policies.policy import Policy, Promise
from alerts.tables import ApplianceRow


@dataclass(frozen=True, slots=True)
class Contract:
    """`owner_id` is a reference without meaning, `service_area` no address; `batch` and `firmware` are None where
    nobody told them."""

    owner_id: str | None
    service_area: str | None
    promise: Promise
    batch: str | None = None
    firmware: str | None = None  # the newest


def contract_of(policy: Policy, row: ApplianceRow | None, plate: Nameplate | None = None) -> Contract:
    """What holds for an appliance, registered or not."""
    owner, area, tier = (None, None, None) if row is None else (row.owner_id, row.service_area, row.tier)
    batch = plate.batch or None if plate else None
    firmware = plate.firmware[-1].version if plate and plate.firmware else None
    return Contract(owner, area, policy.service.to(area, tier), batch, firmware)
