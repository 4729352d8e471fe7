"""Ports for the servers under test, chosen by the kernel on one address."""

from __future__ import annotations

import socket


def free_ports(count: int, *, host: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """Different ports that were free a moment ago."""
    held = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    try:
        for each in held:
            each.bind((host, 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()
