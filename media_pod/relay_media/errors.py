"""What can go wrong in a media pod, sorted by whether trying again can help."""

from __future__ import annotations

from typing import Literal, NamedTuple


class PermanentError(Exception):
    """Trying again with the same input fails again: the input or the set-up must change."""


class TransientError(Exception):
    """The same call may succeed later."""


class SettingsError(PermanentError):
    """An environment variable is missing or cannot be used; the message names it."""


class TokenError(PermanentError):
    """A control or gateway token was refused. The message is safe to send to the caller."""


class AlreadyAssignedError(PermanentError):
    """This pod serves another hall, or served one: a pod is never used twice."""


class NotAssignedError(TransientError):
    """No hall was assigned to this pod yet."""


class Request(NamedTuple):
    """An offer of the client's or its answer to one of ours: each counts its own ids."""

    pc: Literal["publish", "subscribe"]
    id: int


class RefusalError(PermanentError):
    """A participant's request was refused.

    ``code`` is one of the signalling protocol's error codes, ``request`` the refused offer or
    answer where it was one, ``close_code`` set when the connection ends with it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        request: Request | None = None,
        close_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request = request
        self.close_code = close_code
