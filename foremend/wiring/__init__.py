"""One composition root a process: `one_machine`, `worker`, `gateway`, `service`, over shared `parts`.

Nothing but the commands and tests imports it.
"""
