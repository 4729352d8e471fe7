"""What a machine carries that a cluster could leave behind, before and after."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from cluster import commands

_PROCESS = re.compile(r"dockerd|containerd|docker-proxy|kubelet|kube-apiserver|etcd|turnserver")
_BUILT_IN_CHAIN = re.compile(r":(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING)$")


def take() -> dict[str, set[str]]:
    """Links, routes, mounts, packet filters, control groups, processes and forwarding, as lines."""
    saved = _lines("iptables-save") | _lines("ip6tables-save")
    return {
        "links": {line.split()[0] for line in _lines("ip", "-br", "link")},
        "routes": _lines("ip", "route", "show", "table", "all"),
        "mounts": {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()},
        "rules": {line for line in saved if line.startswith("-A")},
        "chains": {line.split()[0] for line in saved if line.startswith(":")},
        "tables": _lines("nft", "list", "tables"),
        "control groups": {str(path) for path in Path("/sys/fs/cgroup").glob("*/*/")},
        "grounds": {path.name for path in Path("/sys/fs/cgroup").glob("*/relay-*/")},
        "processes": _processes(),
        "forwarding": {Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()},
    }


def added(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, list[str]]:
    """What is there now and was not before, by kind; empty where nothing is left."""
    left = {kind: sorted(after[kind] - before[kind]) for kind in after}
    # Clusters that were up before go on starting and ending what runs in their nodes.
    left["processes"] = [
        line for line in left["processes"] if line.split()[0] not in before["grounds"]
    ]
    left["chains"] = [chain for chain in left["chains"] if not _BUILT_IN_CHAIN.match(chain)]
    # An empty table that iptables makes on first sight holds no rule and changes no packet.
    left["tables"] = [table for table in left["tables"] if "relay" in table]
    return {kind: lines for kind, lines in left.items() if lines}


def _lines(*command: str) -> set[str]:
    # Installed by the first run that needs it: before that, there is nothing for it to show.
    if shutil.which(command[0]) is None:
        return set()
    told = commands.output(command)
    return {" ".join(line.split()) for line in told.splitlines() if line.strip()}


def _processes() -> set[str]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, UnicodeDecodeError):
            continue  # it ended while we looked, or is none of ours
        if _PROCESS.search(command.split(" ")[0]):
            found.add(f"{_ground(folder)} {folder.name} {command[:120].strip()}")
    return found


def _ground(process: Path) -> str:
    """The control group of the engine whose container this runs in; "-" for the machine's own."""
    try:
        found = re.search(r"relay-[0-9a-f]{6}", (process / "cgroup").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return "-"
    return found[0] if found else "-"
