"""The groups of commands below `foremend`, one module a group."""
