"""A microwave oven: watched by its own past, no faults of its own."""
