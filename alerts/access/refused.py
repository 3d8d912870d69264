"""What a credential that opens nothing is answered with."""

from __future__ import annotations


class Refused(Exception):  # an answer, no mistake
    """A credential that opens nothing, with the sentence for whoever presented it."""
