"""One use case a file: what a command does and returns. No process that stays; those are wired in `foremend.wiring`."""
