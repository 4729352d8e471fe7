"""What can go wrong in the operator.

``PermanentError``: the same try fails again until somebody changes something; it becomes a
condition and is not retried hot. ``TransientError``: a later try may succeed.
"""

from __future__ import annotations


class PermanentError(Exception):
    """The same try fails again; the message says what to change."""


class TransientError(Exception):
    """A later try may succeed.

    ``retry_after``: seconds that the other side asked to wait, if it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SettingsError(PermanentError):
    """An environment variable is missing or malformed; the message names it."""


class KeyFileError(PermanentError):
    """A key or certificate file cannot be used; the message names the file, never its content."""


class AccessError(PermanentError):
    """Neither a kubeconfig nor a service account gives access to an API server."""


class RejectedError(PermanentError):
    """The API server refuses the object itself (400, 403, 422): admission, quota, schema."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class GoneError(PermanentError):
    """The object is not there (404), or another one is there under its name."""


class AlreadyExistsError(PermanentError):
    """An object with that name exists (409 on create)."""


class ConflictError(TransientError):
    """The object changed meanwhile (409): read it again, decide again."""


class UnavailableError(TransientError):
    """The API server cannot be reached, or asks to come back later (429, 5xx)."""


class PodUnreachableError(TransientError):
    """The pod's control port gave no usable answer, or somebody else answered on its address."""


class KeyRefusedError(PodUnreachableError):
    """The pod lives and does not know the key that we sign with: it started with another one."""


class PodConflictError(PermanentError):
    """The pod belongs to another hall (409): it can never serve this one."""
