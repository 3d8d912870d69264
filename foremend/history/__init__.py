"""Stored readings: Parquet by default; adapters are named after what they touch."""
