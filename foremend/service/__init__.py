"""The HTTP side: the API, health, metrics, and the console page."""
