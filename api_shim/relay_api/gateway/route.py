"""``GET /v1/rtc``: the public signalling socket."""

from __future__ import annotations

import logging
import time
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.websockets import WebSocket

from relay_api.credentials.tokens import JoinToken, identity_for, is_session, verify
from relay_api.errors import PermanentError, TokenError, TokenExpiredError, TransientError
from relay_api.gateway.client import ClientGoneError, ClientSocket, CloseCode, EndingError
from relay_api.gateway.session import Gateway, Person, Session
from relay_api.halls.bodies import MAX_NAME

_log = logging.getLogger(__name__)

router = APIRouter()


@router.websocket("/v1/rtc")
async def rtc(websocket: WebSocket) -> None:
    gateway: Gateway = websocket.app.state.gateway
    # Accepted before anything is checked: a browser sees a close code only of an open socket.
    await websocket.accept()
    client = ClientSocket(websocket)
    started = time.monotonic()
    gateway.occupancy.open += 1
    ended = "gone"
    hall_id = ""
    try:
        person = _admit(gateway, websocket)
        hall_id = person.hall_id
        await Session(gateway, client, person).run()
    except EndingError as ending:
        ended = str(int(ending.close_code))
        await client.end(ending)
    except ClientGoneError:
        pass  # counted as gone
    except (TransientError, PermanentError):
        _log.exception("a signalling connection failed")
        ended = str(int(CloseCode.UNAVAILABLE))
        await client.end(
            EndingError(CloseCode.UNAVAILABLE, "hall_unavailable", "Relay failed. Try again.")
        )
    finally:
        gateway.occupancy.open -= 1
        gateway.metrics.socket_closes.labels(code=ended).inc()
        _log.info(
            "signalling ended",
            extra={
                "hall_id": hall_id,
                "code": ended,
                "duration_ms": round((time.monotonic() - started) * 1000),
            },
        )


def _admit(gateway: Gateway, websocket: WebSocket) -> Person:
    """Who this is, by the join token in the query.

    Raises:
        EndingError: why the client is not let in.
    """
    _refuse_origin(gateway, websocket)
    if gateway.occupancy.exceeded:
        raise EndingError(
            CloseCode.TOO_MANY, "too_many_connections", "This server is full. Try again."
        )
    query = websocket.query_params
    try:
        token = verify(
            query.get("token", ""), gateway.credentials.signing.get(), now=datetime.now(UTC)
        )
    except TokenExpiredError as error:
        # It was good once: this is a late guest, not a guess, and is not counted against anyone.
        raise EndingError(CloseCode.TOKEN_REFUSED, "token_expired", str(error)) from error
    except TokenError as error:
        # Whoever guesses is slowed down; a good token from the same address is let in all the same,
        # for many people may stand behind one address.
        address = websocket.client.host if websocket.client else ""
        if gateway.failures.exceeded(address):
            raise EndingError(
                CloseCode.TOO_MANY, "rate_limited", "Too many refused tokens. Wait a minute."
            ) from error
        gateway.failures.failed(address)
        raise EndingError(CloseCode.TOKEN_REFUSED, "token_invalid", str(error)) from error
    session = query.get("session", "")
    if not is_session(session):
        raise EndingError(
            CloseCode.BAD_MESSAGE,
            "bad_message",
            "The parameter session must be 32 hexadecimal digits, made once for a tab.",
        )
    identity = identity_for(token, session)
    return Person(
        hall_uid=token.hall_uid,
        hall_id=token.hall_id,
        identity=identity,
        name=_name(token, query.get("name", "")) or identity,
        role=token.role,
    )


def _name(token: JoinToken, wanted: str) -> str:
    """The name that others see. Only who came with an invitation may choose it."""
    if not token.invite:
        return token.name
    clean = "".join(c for c in wanted if unicodedata.category(c)[0] != "C").strip()
    return clean[:MAX_NAME] or token.name


def _refuse_origin(gateway: Gateway, websocket: WebSocket) -> None:
    allowed = gateway.settings.allowed_origins
    origin = websocket.headers.get("origin")
    # Programs that are not browsers send none; what a page may not do, they may anyway.
    if not allowed or origin is None or origin in allowed:
        return
    own = urlsplit(gateway.settings.public_url)
    if own.netloc and origin == f"{own.scheme}://{own.netloc}":
        return
    raise EndingError(
        CloseCode.TOKEN_REFUSED, "origin_refused", "Pages of this origin may not connect."
    )
