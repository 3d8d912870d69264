"""Blocks in, findings out: the five rooms put together to a pure core. No I/O, no wall clock; time is handed in."""
