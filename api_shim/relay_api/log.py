"""Structured logs: one JSON object a line on standard error, without secrets.

Join tokens travel in a query string (a browser's WebSocket can send no header), so whatever any
library logs passes a filter that takes tokens and keys out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

request_id: ContextVar[str] = ContextVar("request_id", default="")

_SECRETS: Final = (
    (re.compile(r"(?i)([?&](?:token|access_token)=)[^&\s\"']*"), r"\1***"),
    (re.compile(r"relay_(live|test)_[0-9A-Za-z]+"), r"relay_\1_***"),
    (re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+"), "***"),
    (re.compile(r"(?i)(bearer\s+)[^\s\"',]+"), r"\1***"),
)
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def redact(text: str) -> str:
    """The text with everything that looks like a token or a key replaced by ``***``."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Message, place and every ``extra`` field; ``request_id`` where one is being served."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            entry["request_id"] = current
        entry |= {k: v for k, v in record.__dict__.items() if k not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(entry, default=str, ensure_ascii=False))


def configure(level: str) -> None:
    """Send every logger's records through ``JsonFormatter``; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("relay_api").setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)
