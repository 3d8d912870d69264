"""A stranger's recording: what its file is, and the mapping that would read it."""
