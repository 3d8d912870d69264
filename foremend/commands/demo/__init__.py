"""`foremend demo`: the main job, end to end, on one machine."""

from foremend.commands.demo.run import Demo, chosen_scenario

__all__ = ["Demo", "chosen_scenario"]
