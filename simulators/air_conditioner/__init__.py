"""An air conditioner: fixed speed and inverter, cooling and heating, with its faults."""
