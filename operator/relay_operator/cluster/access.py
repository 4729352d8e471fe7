"""How to reach the API server: a kubeconfig where one is named, else the pod's service account."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from relay_operator.errors import AccessError

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One server and how to be known to it. ``token``: a bearer token; files are PEM."""

    server: str
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    token: str | None = field(default=None, repr=False)
    verify: bool = True

    def ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Access:
    """Credentials that stay fresh: service-account tokens are rotated about every hour."""

    def __init__(self, env: Mapping[str, str] | None = None, *, account: Path = _ACCOUNT) -> None:
        """Look in this environment (the process's own by default), and in this folder in a pod."""
        self._account = account
        self._env = os.environ if env is None else env
        self._connection: Connection | None = None
        self._read_at = 0.0

    async def connection(self, *, fresh: bool = False) -> Connection:
        """The connection as of now; ``fresh`` reads everything again, as after a 401.

        Raises:
            AccessError: there is neither a usable kubeconfig nor a service account.
        """
        stale = time.monotonic() - self._read_at > _TOKEN_SECONDS
        if self._connection is None or fresh or (stale and not self._env.get("KUBECONFIG")):
            self._connection = await self._load()
            self._read_at = time.monotonic()
        return self._connection

    async def headers(self) -> dict[str, str]:
        token = (await self.connection()).token
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    async def _load(self) -> Connection:
        if not self._env.get("KUBECONFIG") and self._env.get("KUBERNETES_SERVICE_HOST"):
            return await asyncio.to_thread(self._from_service_account)
        return await self._from_kubeconfig()

    def _from_service_account(self) -> Connection:
        host = self._env["KUBERNETES_SERVICE_HOST"]
        port = self._env.get("KUBERNETES_SERVICE_PORT", "443")
        try:
            token = (self._account / "token").read_text().strip()
        except OSError as error:
            raise AccessError(
                f"the service account's token cannot be read ({error.strerror}): "
                "set automountServiceAccountToken on the operator's pod"
            ) from error
        return Connection(
            server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            ca_file=str(self._account / "ca.crt"),
            token=token,
        )

    async def _from_kubeconfig(self) -> Connection:
        # Imported here: in a cluster nobody needs these 20 MB.
        from kubernetes.aio.client import Configuration  # noqa: PLC0415
        from kubernetes.aio.config import ConfigException, load_kube_config  # noqa: PLC0415

        configuration = Configuration()
        try:
            await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=self._env.get("KUBECONFIG") or None,
                client_configuration=configuration,
                persist_config=False,
            )
        except (ConfigException, OSError) as error:
            raise AccessError(f"no usable kubeconfig, and not in a cluster: {error}") from error
        scheme, _, token = str(configuration.api_key.get("BearerToken", "")).rpartition(" ")
        if scheme and scheme.lower() != "bearer":
            raise AccessError(f"the kubeconfig asks for {scheme} authorization: use a token")
        return Connection(
            server=str(configuration.host),
            ca_file=configuration.ssl_ca_cert,
            certificate_file=configuration.cert_file,
            key_file=configuration.key_file,
            token=token or None,
            verify=bool(configuration.verify_ssl),
        )
