"""Where the API server is, and how to prove who asks.

In a pod the token of the service account is projected and rotated (hourly by default), so the
file is read again whenever it changes. Done here and not with the library's loader because that
one leaves up to a minute between two reads and does not strip the file's white space, and because
a release of the library (36.0.0) sent no token at all: what is sent is tested.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_kube_config

from relay_api.credentials.mounted import MountedSecret
from relay_api.errors import SettingsError

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CONNECTIONS: Final = 64


async def connect(
    environ: Mapping[str, str], *, service_account: Path = SERVICE_ACCOUNT
) -> ApiClient:
    """Open a client: ``KUBECONFIG`` where it is set, else the pod's service account.

    Raises:
        SettingsError: neither leads to an API server.
    """
    configuration = Configuration()
    if path := environ.get("KUBECONFIG"):
        try:
            await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError, TypeError) as error:
            raise SettingsError(f"KUBECONFIG {path} cannot be used: {error}") from error
    elif environ.get("KUBERNETES_SERVICE_HOST"):
        _use_service_account(configuration, environ, service_account)
    else:
        raise SettingsError(
            "No Kubernetes API is known: set KUBECONFIG, or run in a pod with a service account."
        )
    client = ApiClient(configuration)
    session = {
        "connector": aiohttp.TCPConnector(
            limit=_CONNECTIONS,
            ssl=client.rest_client.ssl_context,
            socket_factory=_socket_with_keepalive,
            keepalive_timeout=60,
        )
    }
    configuration.client_session_kwargs = session
    return client


async def disconnect(client: ApiClient) -> None:
    """Close the client and the connections it was given."""
    await client.close()  # type: ignore[no-untyped-call]
    connector = client.configuration.client_session_kwargs["connector"]
    await connector.close()


def _use_service_account(
    configuration: Configuration, environ: Mapping[str, str], folder: Path
) -> None:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    configuration.host = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    authority = folder / "ca.crt"
    if not authority.is_file():
        raise SettingsError(f"{authority} is missing: the pod has no service account token.")
    configuration.ssl_ca_cert = str(authority)
    token = MountedSecret(folder / "token", _read_token)

    def renew(current: Configuration) -> None:
        current.api_key["BearerToken"] = f"Bearer {token.get()}"

    renew(configuration)
    configuration.refresh_api_key_hook = renew  # type: ignore[assignment]


def _read_token(files: Mapping[str, bytes]) -> str:
    (content,) = files.values()
    token = content.decode("ascii").strip()
    if not token:
        raise SettingsError("The service account's token file is empty.")
    return token


def _socket_with_keepalive(address: tuple[Any, ...]) -> socket.socket:
    """A socket that notices a dead API server within 15 s, also while a watch is silent."""
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if os.uname().sysname == "Linux":
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 6)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000)
    return opened
