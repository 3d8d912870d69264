"""The page of an owner: what is watched, what is seen and why, what was agreed to, what was told, and the own data."""
