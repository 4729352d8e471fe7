"""How new an object or a list is. Pure."""

from __future__ import annotations


def version_of(resource_version: str) -> int:
    """A resourceVersion as a number to compare (KEP-5504); 0 for one that is no number."""
    return int(resource_version) if resource_version.isascii() and resource_version.isdigit() else 0
