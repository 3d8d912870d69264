"""A stranger's broker: which devices speak on it, what they measure, and the settings that read them."""
