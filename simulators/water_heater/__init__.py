"""A water heater with a tank: element, thermostat, scale, valve, with its faults."""
