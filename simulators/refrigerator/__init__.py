"""A refrigerator: compressor, evaporator, defrost, door, with its faults."""
