"""A day out of a stream of readings: on-levels, cycles, states, windows. Compiled; a row of state an appliance."""
