"""The versions that every built and cached thing is named by."""

from __future__ import annotations

KUBERNETES = "1.34.4"
ETCD = "3.6.4"
COREDNS = "1.12.4"
HELM = "3.19.4"
KIND = "0.33.0"
DEBIAN = "bookworm"

PUBLISHED_NODE_IMAGE = f"kindest/node:v{KUBERNETES}"
BUILT_NODE_IMAGE = f"localhost/relay-kind-node:v{KUBERNETES}"
PUBLISHED_BASE_IMAGE = f"debian:{DEBIAN}-slim"
BUILT_BASE_IMAGE = f"localhost/relay-base:{DEBIAN}"
