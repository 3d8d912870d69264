"""Consent: records of what owners said (`records`), what that means at one moment (`decide`), the ledger (`ledger`)."""

from alerts.consent.decide import Decision, Histories, Statement, decide, histories
from alerts.consent.ledger import ConsentLedger
from alerts.consent.records import ConsentRecord

__all__ = [
    "ConsentLedger",
    "ConsentRecord",
    "Decision",
    "Histories",
    "Statement",
    "decide",
    "histories",
]
