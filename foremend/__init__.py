"""Foremend: foresees faults of connected home appliances and, with consent, acts before they break."""
