"""Published protocols, run against Foremend: `python -m benchmarks.NAME PATH --json`."""
