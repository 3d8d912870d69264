"""Many appliances in households: who they are, what befalls them, how their messages reach a broker."""
