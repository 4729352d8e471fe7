"""A network of our own: one address on its own link, in a namespace that reaches nothing else."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import BenchError

#: Of the range set aside for benchmarks (RFC 2544, RFC 6890).
ADDRESS = "198.18.0.1"
_CLONE_NEWNET = 0x40000000


@contextmanager
def private_network() -> Iterator[str]:
    """Move this thread, and what it starts, into a fresh network namespace; yield its address.

    Janus offers no candidate on a loopback interface, so both servers get an address on a veth link
    instead. The kernel still delivers local traffic over `lo`, at the same cost.

    Raises:
        BenchError: this needs root (CAP_NET_ADMIN, CAP_SYS_ADMIN).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    origin = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_CLONE_NEWNET):
            reason = os.strerror(ctypes.get_errno())
            raise BenchError(f"no network namespace can be made here ({reason}): run as root")
        try:
            for command in (
                "ip link set lo up",
                "ip link add bench0 type veth peer name bench1",
                f"ip address add {ADDRESS}/32 dev bench0",
                "ip link set bench0 up",
                "ip link set bench1 up",
            ):
                done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
                if done.returncode:
                    raise BenchError(f"`{command}` failed: {done.stderr.strip()}")
            yield ADDRESS
        finally:
            libc.setns(origin, _CLONE_NEWNET)
    finally:
        os.close(origin)
