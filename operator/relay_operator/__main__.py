"""``python -m relay_operator``: settings from the environment, SIGTERM and SIGINT end it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from relay_operator import log
from relay_operator.app import Operator
from relay_operator.cluster.access import Access
from relay_operator.errors import PermanentError
from relay_operator.settings import Settings

_log = logging.getLogger("relay_operator")


async def _serve(settings: Settings) -> None:
    task = asyncio.ensure_future(Operator(settings, Access()).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        _log.info("the operator has ended")


def main() -> int:
    """Run until a signal; returns the exit code: 2 for what a restart does not cure."""
    log.configure("INFO")
    try:
        settings = Settings.from_env(os.environ)
        log.configure(settings.log_level)
        asyncio.run(_serve(settings))
    except PermanentError as error:
        _log.error("the operator cannot run", extra={"reason": str(error)})
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
