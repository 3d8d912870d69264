"""From stored history and confirmed outcomes to a stored, judged and promoted model."""
