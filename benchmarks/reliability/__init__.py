"""Real parts, stopped and killed under load: what is lost, what is doubled, and how long until it goes on."""
