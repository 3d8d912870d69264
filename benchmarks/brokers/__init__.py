"""Foremend at brokers that people have."""
