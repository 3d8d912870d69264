"""Predictors: this fault, with this probability within the horizon, in about this many days."""
