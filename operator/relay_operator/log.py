"""Structured logs: one JSON object a line, with the Hall's identity where there is one."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from relay_crds import Hall, format_time

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_OWN: Final = "relay_operator"


class JsonFormatter(logging.Formatter):
    """``time``, ``level``, ``logger``, ``message``, then what was passed as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": format_time(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        # kopf and others attach whole objects to their records: only our own extras are written.
        if record.name.startswith(_OWN):
            entry |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Send every record of the process to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("kopf", "asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def of(hall: Hall) -> dict[str, object]:
    """The ``extra`` that says which Hall a record is about."""
    meta = hall.meta
    return {"namespace": meta.namespace, "hall": meta.name, "hall_uid": meta.uid}
