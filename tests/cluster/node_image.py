"""A kind node image from Debian packages and Go modules, where the published one cannot be had.

kind's own files come unmodified from its Go module; what differs from its published image is the
base (Debian 12), the CNI (``node/cni.yaml``), and what a machine without CAP_SYS_RESOURCE or with
cgroup v1 needs. The result is an ordinary docker archive in the cache.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import shutil
from pathlib import Path

from cluster import archive, commands, places, programs, rootfs
from cluster.errors import GroundError
from cluster.progress import step

TAG = f"localhost/relay-kind-node:{programs.KUBERNETES}"
_FILES = places.HERE / "node"
_REMOVED = (
    "usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "usr/lib/systemd/system/multi-user.target.wants/*",
    "usr/lib/systemd/system/local-fs.target.wants/*",
    "usr/lib/systemd/system/basic.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "usr/lib/systemd/system/sockets.target.wants/*udev*",
    "usr/lib/systemd/system/sockets.target.wants/*initctl*",
    # systemd in a node shall set no value of the whole machine's kernel.
    "usr/lib/sysctl.d/*.conf",
    "etc/cni/net.d/*",
)


def build() -> Path:
    """The archive of the node image; debootstrap and the compiler work side by side when cold."""
    if os.geteuid() != 0:
        raise GroundError(
            "the published node image cannot be pulled, and building one needs root on Debian or "
            "Ubuntu: run this as root there, or make an image registry reachable",
            step="node image",
        )
    with concurrent.futures.ThreadPoolExecutor() as pool:
        system = pool.submit(rootfs.node)
        binaries = pool.submit(programs.build, programs.NODE)
        debian, folder = system.result(), binaries.result()
    key = places.digest(_FILES, Path(__file__), debian.name, folder.name)
    target = places.cache() / f"node-image-{programs.KUBERNETES}-{key}.tar"
    if target.exists():
        return target
    with places.locked("node-image"):
        if not target.exists():
            with step("assemble the node image"), places.unfinished(target) as scratch:
                _assemble(scratch, debian=debian, binaries=folder)
                (scratch / "image.tar").rename(target)
    return target


def _assemble(scratch: Path, *, debian: Path, binaries: Path) -> None:
    root = scratch / "root"
    root.mkdir()
    commands.logged("unpack", ["tar", "-C", root, "-xf", debian], log="node-unpack")
    names = commands.output(
        [
            binaries / "kubeadm",
            "config",
            "images",
            "list",
            "--kubernetes-version",
            programs.KUBERNETES,
        ]
    ).split()
    images = {name.rsplit("/", 1)[1].split(":")[0]: name for name in names}
    _install_files(root, binaries=binaries, pause=images["pause"])
    build = root / "kind" / "build"
    (build / "images").mkdir(parents=True)
    for name, tag in images.items():
        _write_image(build / "images" / f"{name}.tar", tag, root=root, binary=binaries / name)
    shutil.copy2(_FILES / "finish.sh", build / "finish.sh")
    commands.logged(
        "finish the node image",
        [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"),
            *("chroot", root, "/kind/build/finish.sh"),
        ],
        log="node-finish",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    shutil.rmtree(build)
    shutil.rmtree(root / "opt" / "containerd", ignore_errors=True)
    archive.write(
        scratch / "image.tar",
        tag=TAG,
        root=root,
        entrypoint=["/usr/local/bin/entrypoint", "/sbin/init"],
        settings={"StopSignal": "SIGRTMIN+3"},
    )


def _install_files(root: Path, *, binaries: Path, pause: str) -> None:
    files = _kind_files()
    for folder in ("etc", "kind"):
        shutil.copytree(files / folder, root / folder, dirs_exist_ok=True, copy_function=_copy)
    for script in (*(files / "kind" / "bin").iterdir(), _FILES / "cni.sh"):
        _copy(script, root / "kind" / "bin" / script.name, mode=0o755)
    for name in ("kubelet", "kubeadm", "kubectl"):
        _copy(binaries / name, root / "usr/bin" / name, mode=0o755)
    for name in ("containerd", "ctr"):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{name}")
    (root / "opt/cni").mkdir(parents=True)
    (root / "opt/cni/bin").symlink_to("/usr/lib/cni")
    (root / "etc/kubernetes/manifests").mkdir(parents=True)
    manifests = root / "kind/manifests"
    manifests.mkdir()
    cni = (_FILES / "cni.yaml").read_text().replace("@PAUSE@", pause)
    (manifests / "default-cni.yaml").write_text(cni)
    _copy(_FILES / "storage.yaml", manifests / "default-storage.yaml")
    (root / "kind/version").write_text(programs.KUBERNETES)

    config = root / "etc/containerd/config.toml"
    text = _replaced(
        r"^  sandbox_image = [^\n]*", f'  sandbox_image = "{pause}"', config.read_text()
    )
    # No OOM score below the container's own may be asked for where CAP_SYS_RESOURCE is missing.
    text = _replaced("restrict_oom_score_adj = false", "restrict_oom_score_adj = true", text)
    config.write_text(text)

    entrypoint = (files / "usr/local/bin/entrypoint").read_text()
    cgroups = (_FILES / "cgroups.sh").read_text()
    entrypoint = _replaced(r"^remove_misc_controller\(\) \{\n.*?^\}\n", cgroups, entrypoint)
    target = root / "usr/local/bin/entrypoint"
    target.write_text(entrypoint)
    target.chmod(0o755)

    for pattern in _REMOVED:
        for path in root.glob(pattern):
            path.unlink()
    with (root / "etc/systemd/journald.conf").open("a") as journald:
        journald.write("ReadKMsg=no\n")


def _write_image(target: Path, tag: str, *, root: Path, binary: Path) -> None:
    """One of kubeadm's images: a static binary, for kube-proxy with iptables and nft beside it."""
    content = target.with_suffix(".root")
    path = (
        Path(binary.name)
        if binary.name in ("coredns", "pause")
        else Path("usr/local/bin", binary.name)
    )
    (content / path).parent.mkdir(parents=True)
    (content / "etc").mkdir()
    (content / "etc/passwd").write_text("root:x:0:0::/:\n")
    (content / "tmp").mkdir()
    (content / "tmp").chmod(0o1777)
    _copy(binary, content / path, mode=0o755)
    if binary.name == "kube-proxy":
        _add_iptables(content, root=root)
    archive.write(target, tag=tag, root=content, entrypoint=[f"/{path}"])
    shutil.rmtree(content)


def _add_iptables(content: Path, *, root: Path) -> None:
    """Copy iptables, nft and the libraries they load from the node's Debian."""
    (content / "run").mkdir()
    (content / "var/lib/kube-proxy").mkdir(parents=True)
    programs_ = ["/usr/sbin/xtables-nft-multi", "/usr/sbin/nft"]
    plugins = [f"/{path.relative_to(root)}" for path in root.glob("usr/lib/*/xtables/*.so")]
    needed = set(programs_ + plugins)
    for line in commands.output(["chroot", root, "ldd", *programs_, *plugins]).splitlines():
        if found := re.search(r"(/\S+) \(0x", line):
            needed.add(found[1])
    for name in sorted(needed):
        target = content / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name.lstrip("/"), target)
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            (content / "usr/sbin" / f"{family}{suffix}").symlink_to("xtables-nft-multi")


def _kind_files() -> Path:
    told = commands.output(
        ["go", "mod", "download", "-json", f"sigs.k8s.io/kind@{programs.KIND}"], timeout=300
    )
    return Path(json.loads(told)["Dir"]) / "images/base/files"


def _copy(source: str | Path, target: str | Path, *, mode: int = 0o644) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(mode)


def _replaced(pattern: str, new: str, text: str) -> str:
    """Substitute exactly once.

    Raises:
        GroundError: the pattern is not there, so kind's file is not the one this was written for.
    """
    text, count = re.subn(pattern, lambda _: new, text, count=1, flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        raise GroundError(f"kind {programs.KIND} has no {pattern!r} to replace", step="node image")
    return text
