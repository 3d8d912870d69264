"""Policies: what a jurisdiction asks for, as data: one YAML file each, shipped or in folders of the settings."""

from alerts.policies.loading import Policies, load_policies
from alerts.policies.policy import Kept, Policy

__all__ = ["Kept", "Policies", "Policy", "load_policies"]
