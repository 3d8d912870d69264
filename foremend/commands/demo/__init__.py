"""`foremend demo`: the main job, end to end, on one machine."""

from foremend.commands.demo.run import Demo

__all__ = ["Demo"]
