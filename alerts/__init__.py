"""Alerts: consent, tickets, the outbox, webhooks and channels, the audit log.

What the pipeline finds becomes acts here, each only with the owner's consent at the moment of the act.
"""
