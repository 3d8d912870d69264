"""Asking an appliance how it is: what was asked, what came, what it means, and what its owner said to that."""
