"""Others' ways to watch a stream of readings, each a program of its own beside ours: `python -m benchmarks.peers`."""
