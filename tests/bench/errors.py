"""Why a measurement could not be made: a sentence that says what to do next."""

from __future__ import annotations


class BenchError(RuntimeError):
    """The measurement cannot be made here; the message says what is missing."""


class ServerError(BenchError):
    """A server under test refused, failed or did not answer in time."""
