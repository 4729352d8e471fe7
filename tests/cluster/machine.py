"""What a cluster changes outside its containers: kernel values, forwarding, cgroups, mounts.

Recorded before the first change and put back after the last cluster is gone.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from cluster import commands, places
from cluster.errors import GroundError

_CAP_SYS_RESOURCE = 24
# The kubelet and kube-proxy of a privileged node set these for the whole machine.
_KERNEL_VALUES = (
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "fs/inotify/max_user_instances",
    "fs/inotify/max_user_watches",
)
# Each node has dozens of watchers: with the usual 128 the third node's kube-proxy ends with "too
# many open files".
_AT_LEAST = {"fs/inotify/max_user_instances": 1024, "fs/inotify/max_user_watches": 524288}


def lacks_sys_resource() -> bool:
    bounding = re.search(r"^CapBnd:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bounding is not None and not int(bounding[1], 16) >> _CAP_SYS_RESOURCE & 1


def prepare() -> None:
    """Note the kernel's values, unless an earlier run has, and raise those that are too low."""
    before = _before()
    if not before.exists():
        values = {}
        for name in _KERNEL_VALUES:
            with contextlib.suppress(OSError):
                values[name] = Path("/proc/sys", name).read_text().strip()
        before.write_text(json.dumps(values))
    for name, least in _AT_LEAST.items():
        path = Path("/proc/sys", name)
        # Not root: whoever runs the engine has seen to it.
        with contextlib.suppress(OSError):
            if int(path.read_text()) < least:
                path.write_text(str(least))


def restore() -> None:
    """Put the kernel's values back; shared ones only if no other bridge of the machine is there."""
    before = _before()
    if not before.exists():
        return
    for name, value in json.loads(before.read_text()).items():
        path = Path("/proc/sys", name)
        # Others' containers on this machine may have come to need these meanwhile.
        if name.startswith(("net/ipv4/ip_forward", "fs/inotify")) and _bridges():
            continue
        # Not root, or a value that only the kernel may lower: nothing we could have changed either.
        with contextlib.suppress(OSError):
            if path.read_text().strip() != value:
                path.write_text(value)
    before.unlink()


def allow_forwarding(bridge: str, subnet: str) -> None:
    """Let containers on ``bridge`` reach out, by rules of our own that one delete removes."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    table = f"relay_{places.ground_id()}"
    rules = f"""
        table ip {table}
        delete table ip {table}
        table ip {table} {{
          chain postrouting {{
            type nat hook postrouting priority 100
            ip saddr {subnet} oifname != "{bridge}" masquerade
          }}
        }}
    """
    commands.output(["nft", "-f", "-"], stdin=rules)
    # A machine that had Docker before may drop what it does not know: accept ours by name.
    if "-P FORWARD DROP" in commands.output(["iptables", "-S", "FORWARD"]):
        for rule in _forward_rules(bridge):
            if not commands.works(["iptables", "-C", *rule]):
                commands.output(["iptables", "-I", *rule])


def forbid_forwarding(bridge: str) -> None:
    table = f"relay_{places.ground_id()}"
    if shutil.which("nft") and commands.works(["nft", "list", "table", "ip", table]):
        commands.output(["nft", "delete", "table", "ip", table])
    for rule in _forward_rules(bridge):
        while shutil.which("iptables") and commands.works(["iptables", "-C", *rule]):
            commands.output(["iptables", "-D", *rule])


def free_subnet(candidates: Iterable[str], taken: Iterable[str] = ()) -> str:
    """The first candidate that overlaps no route of the machine and nothing ``taken``."""
    used = [ipaddress.ip_network(subnet) for subnet in taken]
    told = commands.output(["ip", "-j", "-4", "route", "show", "table", "all"])
    for route in json.loads(told or "[]"):
        with contextlib.suppress(ValueError):
            if route.get("dst") not in (None, "default"):
                used.append(ipaddress.ip_network(route["dst"], strict=False))
    for candidate in candidates:
        if not any(ipaddress.ip_network(candidate).overlaps(other) for other in used):
            return candidate
    raise ValueError("every candidate subnet is in use")


def remove_routes(subnet: str) -> None:
    """Remove every route into ``subnet``."""
    for line in commands.output(["ip", "route", "show", "root", subnet]).splitlines():
        commands.works(["ip", "route", "delete", *line.split()])


def end_processes(home: Path, cgroup: str) -> None:
    """Kill what an engine leaves that died or hung: its containers and what watches over them."""
    deadline = time.monotonic() + 30
    while left := _processes(home, cgroup):
        if time.monotonic() > deadline:
            raise GroundError(f"processes {sorted(left)} do not end", step="stop the Docker engine")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _processes(home: Path, cgroup: str) -> set[int]:
    found: set[int] = set()
    for top in _cgroups(cgroup):
        for listing in top.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(line) for line in listing.read_text().split())
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            program, *arguments = (folder / "cmdline").read_bytes().split(b"\0")
            ours = any(str(home).encode() in argument for argument in arguments)
            if ours and b"containerd" in program:
                found.add(int(folder.name))
    return found


def _cgroups(name: str) -> list[Path]:
    return [*Path("/sys/fs/cgroup").glob(f"*/{name}"), Path("/sys/fs/cgroup", name)]


def remove_cgroups(name: str) -> None:
    """Remove the empty cgroups below ``name`` in every hierarchy."""
    for top in _cgroups(name):
        for folder in sorted(top.rglob("*"), reverse=True):
            if folder.is_dir():
                with contextlib.suppress(OSError):
                    folder.rmdir()
        with contextlib.suppress(OSError):
            top.rmdir()


def unmount_below(folder: Path) -> None:
    """Unmount what is still mounted below ``folder``, innermost first."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(folder):
            subprocess.run(["umount", mount], check=False, capture_output=True)


def _forward_rules(bridge: str) -> list[list[str]]:
    mark = ["-m", "comment", "--comment", f"relay_{places.ground_id()}", "-j", "ACCEPT"]
    return [["FORWARD", "-i", bridge, *mark], ["FORWARD", "-o", bridge, *mark]]


def _bridges() -> list[str]:
    return [path.parent.name for path in Path("/sys/class/net").glob("*/bridge")]


def _before() -> Path:
    return places.state() / "machine-before.json"
