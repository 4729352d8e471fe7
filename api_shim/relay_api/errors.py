"""What can go wrong, told apart by what the reader should do.

PermanentError                 the same input fails again
+-- SettingsError              a variable of the environment is wrong: the process ends
+-- MalformedKeyError          a text is not an API key
+-- TokenError                 a join token is not to be believed
|   +-- TokenExpiredError
+-- RefusedByKubernetesError   the API server said no, with its reasons
    +-- NotFoundError          404
    +-- ConflictError          409
    +-- GoneError              410: the resourceVersion is too old, list again
TransientError                 a later try may succeed
+-- KubernetesUnavailableError no answer, or one that asks to wait
+-- ThrottledError             429
+-- CredentialUnavailableError a mounted secret cannot be read just now
"""

from __future__ import annotations

from dataclasses import dataclass


class PermanentError(Exception):
    """The same input fails again; somebody has to change it."""


class TransientError(Exception):
    """A later try may succeed."""


class SettingsError(PermanentError):
    """A variable of the environment is missing or wrong; the message names it and the fix."""


class MalformedKeyError(PermanentError):
    """A text has not the form of an API key, or its checksum does not fit."""


class TokenError(PermanentError):
    """A join token is malformed, forged, or for something else. Never carries the token."""


class TokenExpiredError(TokenError):
    """A join token that was good once."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One field that the API server refused."""

    field: str
    message: str


class RefusedByKubernetesError(PermanentError):
    """The API server answered 4xx.

    ``status`` is the HTTP status, ``reason`` Kubernetes' own word for it (``Invalid``,
    ``Forbidden``, ...), ``causes`` the fields it names.
    """

    def __init__(
        self, message: str, *, status: int, reason: str = "", causes: tuple[Cause, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.causes = causes


class NotFoundError(RefusedByKubernetesError):
    """404: no such object, namespace or kind."""


class ConflictError(RefusedByKubernetesError):
    """409: the object exists already, or has changed since it was read."""


class GoneError(RefusedByKubernetesError):
    """410: the resourceVersion is too old; list again."""


class KubernetesUnavailableError(TransientError):
    """The API server gave no answer in time, or a 5xx. ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ThrottledError(TransientError):
    """The API server asks to slow down (429). ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CredentialUnavailableError(TransientError):
    """A mounted secret cannot be read just now; the message names the file, never its content."""
