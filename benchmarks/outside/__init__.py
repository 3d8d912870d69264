"""Fleets of other physics than the simulator's: the measuring stick for what is claimed outside of it."""
