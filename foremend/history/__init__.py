"""Stored readings: Parquet, or InfluxDB 2; adapters are named after what they touch and pass one contract suite."""
