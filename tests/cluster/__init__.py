"""A real Kubernetes for Relay: Docker, a node image, kind, and what goes into it.

Standard library only: it works before any virtual environment exists. Each need is met in the
first way that serves, and every run says which. ``python tests/cluster --help`` is the command;
the functions below are the same for tests.
"""

from __future__ import annotations

from cluster.clusters import Cluster
from cluster.errors import GroundError
from cluster.lifecycle import down, get, up

__all__ = ["Cluster", "GroundError", "down", "get", "up"]
