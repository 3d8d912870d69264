"""What a credential that opens nothing is answered with."""

from __future__ import annotations


class Refused(Exception):  # an answer, no mistake
    """A credential that opens nothing, with the sentence for whoever presented it."""


class CodeNeeded(Refused):
    """Name and password are right, and a code of the second factor is asked for, too."""

    def __init__(self) -> None:
        super().__init__("this user has a second factor: send its code, too")


class Strayed(Refused):
    """A login by an OpenID provider that did not come to its end; `why` is a word that the login page knows."""

    def __init__(self, why: str, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why
