"""Stored models: sealed versions with their cards, aliases, and the gate before a promotion."""
