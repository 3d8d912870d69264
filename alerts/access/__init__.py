"""Who comes in: tokens of programs, users and their sessions, and the pseudonyms that some see in place of ids."""
