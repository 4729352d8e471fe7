"""Time-limited TURN credentials, as coturn's ``use-auth-secret`` wants them.

The user name is the time of expiry (seconds since 1970) and the identity; the password its
HMAC-SHA1 under the shared secret, in base 64 (draft-uberti-behave-turn-rest-00 §2.2). SHA-1 is
what the mechanism prescribes; as an HMAC it is sound.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class TurnCredential:
    username: str
    credential: str


def turn_credential(
    secret: bytes, *, identity: str, now: datetime, lifetime: timedelta
) -> TurnCredential:
    """A credential for one participant, good for ``lifetime`` from ``now``."""
    username = f"{int((now + lifetime).timestamp())}:{identity}"
    digest = hmac.new(secret, username.encode(), hashlib.sha1).digest()
    return TurnCredential(username=username, credential=base64.b64encode(digest).decode())
