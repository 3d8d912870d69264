"""Who is let in, and how much of it: hosts, bodies, rates, tokens and rights, in the order in which they are asked."""
