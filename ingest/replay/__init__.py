"""Recorded telemetry: tables and a mapping of their columns, to the same blocks that live messages give."""
