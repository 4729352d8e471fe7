"""The four objects of Relay as frozen Python models; standard library only.

``names`` holds every name that two parts must spell alike, ``ids`` the hall ids, ``times`` the
one way to read and write times. The models are read with ``from_object`` from raw JSON objects.
"""

from relay_crds.errors import (
    MalformedIdError,
    MalformedObjectError,
    MalformedTimeError,
    PermanentError,
    TransientError,
)
from relay_crds.hall import EventCursor, Hall, HallSpec, HallStatus, PodFailure, metadata_size
from relay_crds.ids import created_at_of, hall_id_of, hall_name_of, is_hall_id, new_hall_id
from relay_crds.meta import Condition, ObjectMeta
from relay_crds.tenancy import Account, HallClass, Plan
from relay_crds.times import format_time, parse_time

__all__ = [
    "Account",
    "Condition",
    "EventCursor",
    "Hall",
    "HallClass",
    "HallSpec",
    "HallStatus",
    "MalformedIdError",
    "MalformedObjectError",
    "MalformedTimeError",
    "ObjectMeta",
    "PermanentError",
    "Plan",
    "PodFailure",
    "TransientError",
    "created_at_of",
    "format_time",
    "hall_id_of",
    "hall_name_of",
    "is_hall_id",
    "metadata_size",
    "new_hall_id",
    "parse_time",
]
