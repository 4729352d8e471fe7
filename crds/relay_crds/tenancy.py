"""``HallClass``, ``Account`` and ``Plan``: how halls run, whose they are, and what they may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from relay_crds.errors import MalformedObjectError
from relay_crds.fields import Fields
from relay_crds.meta import ObjectMeta
from relay_crds.names import DEFAULT_PLAN, Codec, PullPolicy

ALL_CODECS: Final = tuple(codec.value for codec in Codec)
DEFAULT_GRACE_SECONDS: Final = 30


@dataclass(frozen=True, kw_only=True)
class HallClass:
    """How the media pods of a class of halls run.

    ``image_pull_secrets``: names of Secrets of each hall's own namespace.
    ``requests``, ``limits``: Kubernetes quantities by resource name. ``tolerations``: as in a pod.
    ``advertised_addresses``: ``ip`` or ``ip:port``, offered beside the pod's own address.
    ``codecs``: names as in SDP; one that this release does not know is kept.
    """

    meta: ObjectMeta
    image: str
    image_pull_policy: PullPolicy = PullPolicy.IF_NOT_PRESENT
    image_pull_secrets: tuple[str, ...] = ()
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, object], ...] = ()
    priority_class_name: str | None = None
    advertised_addresses: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ALL_CODECS
    termination_grace_period_seconds: int = DEFAULT_GRACE_SECONDS

    @classmethod
    def from_object(cls, obj: Mapping[str, object]) -> HallClass:
        """Read a HallClass; unknown fields are ignored.

        Raises:
            MalformedObjectError: the image is missing, or a field has a wrong type.
        """
        raw = Fields(obj).section("spec")
        resources = raw.section("resources")
        policy = raw.text("imagePullPolicy") or PullPolicy.IF_NOT_PRESENT
        if policy not in set(PullPolicy):
            raise MalformedObjectError("spec.imagePullPolicy is not Always, IfNotPresent or Never")
        grace = raw.integer("terminationGracePeriodSeconds")
        return cls(
            meta=ObjectMeta.from_object(obj),
            image=raw.required_text("image"),
            image_pull_policy=PullPolicy(policy),
            image_pull_secrets=raw.texts("imagePullSecrets"),
            requests=resources.text_map("requests"),
            limits=resources.text_map("limits"),
            node_selector=raw.text_map("nodeSelector"),
            tolerations=raw.raw_maps("tolerations"),
            priority_class_name=raw.text("priorityClassName"),
            advertised_addresses=raw.texts("advertisedAddresses"),
            codecs=raw.texts("codecs") or ALL_CODECS,
            termination_grace_period_seconds=DEFAULT_GRACE_SECONDS if grace is None else grace,
        )


@dataclass(frozen=True, kw_only=True)
class Account:
    """The one Account of a tenant's namespace. A namespace without one has the plan ``free``."""

    meta: ObjectMeta
    plan_name: str = DEFAULT_PLAN
    display_name: str | None = None

    @classmethod
    def from_object(cls, obj: Mapping[str, object]) -> Account:
        """Read an Account; unknown fields are ignored.

        Raises:
            MalformedObjectError: a field has a wrong type.
        """
        raw = Fields(obj).section("spec")
        return cls(
            meta=ObjectMeta.from_object(obj),
            plan_name=raw.text("planName") or DEFAULT_PLAN,
            display_name=raw.text("displayName"),
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a tenant may use. ``max_participants`` caps every hall of the tenant."""

    meta: ObjectMeta
    max_participants: int
    recording: bool = False
    moderation: bool = False
    display_name: str | None = None

    @classmethod
    def from_object(cls, obj: Mapping[str, object]) -> Plan:
        """Read a Plan; unknown fields are ignored.

        Raises:
            MalformedObjectError: maxParticipants is missing, or a field has a wrong type.
        """
        raw = Fields(obj).section("spec")
        limit = raw.integer("maxParticipants")
        if limit is None:
            raise MalformedObjectError("spec.maxParticipants is missing")
        return cls(
            meta=ObjectMeta.from_object(obj),
            max_participants=limit,
            recording=raw.flag("recording"),
            moderation=raw.flag("moderation"),
            display_name=raw.text("displayName"),
        )
