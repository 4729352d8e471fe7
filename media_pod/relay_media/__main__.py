"""``python -m relay_media``: one media pod."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from relay_media.errors import PermanentError
from relay_media.log import set_up
from relay_media.settings import read_settings


def main() -> int:
    """Run the pod; the exit status is 0 after an orderly end, 2 if it could not start."""
    try:
        settings = read_settings(os.environ)
        formatter = set_up(settings.log_level, pod=settings.pod_name)
        # Imported late: a wrong setting is then said at once, before anything is loaded.
        from relay_media.process import run  # noqa: PLC0415

        asyncio.run(run(settings, formatter))
    except PermanentError as error:
        set_up("INFO", pod=os.environ.get("RELAY_POD_NAME", ""))
        logging.getLogger("relay_media").critical("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
