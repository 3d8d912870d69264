"""A washing machine: fill, heat, wash, drain and spin, with its faults."""
