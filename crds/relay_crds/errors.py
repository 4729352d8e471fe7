"""What can go wrong while reading an object.

``PermanentError`` means that the same input fails again: show it, do not retry.
``TransientError`` means that a later try may succeed.
"""

from __future__ import annotations


class PermanentError(Exception):
    """The same input fails again; somebody has to change it."""


class TransientError(Exception):
    """A later try may succeed."""


class MalformedObjectError(PermanentError):
    """An object or one of its fields is not what its CRD promises; the message names the field."""


class MalformedIdError(PermanentError):
    """A text is not a hall id."""


class MalformedTimeError(PermanentError):
    """A text is not an RFC 3339 time with an offset."""
