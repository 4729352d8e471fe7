"""``python -m cluster`` with tests/ on the path, or ``python tests/cluster`` from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run by its path: Python put this folder first, where its modules would shadow others' names.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from cluster.cli import main

sys.exit(main())
