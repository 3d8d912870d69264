"""The HTTP side: a read-only API, health, metrics, and the console page."""
