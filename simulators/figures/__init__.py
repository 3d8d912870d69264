"""Pictures of what the simulators do, beside real appliances where there are any."""
