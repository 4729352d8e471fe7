#!/bin/bash
# The last steps of the node image, run inside its file system (chroot, own mount namespace):
# containerd's base spec, the units, and the images that kubeadm wants.
set -euo pipefail
mount -t proc proc /proc

ctr oci spec |
  jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    > /etc/containerd/cri-base.json

systemctl -q enable kubelet containerd undo-mount-hacks
systemctl -q mask systemd-binfmt.service

# Content and metadata only, not unpacked: no snapshots, so it does not matter which machine does
# it. containerd in the node unpacks an image when the first container uses it.
cat > /kind/build/containerd.toml <<'T'
version = 2
state = "/kind/build/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "/kind/build/containerd.sock"
T
containerd -c /kind/build/containerd.toml > /kind/build/containerd.log 2>&1 &
ctr() { /usr/bin/ctr -a /kind/build/containerd.sock -n k8s.io "$@"; }
for _ in $(seq 100); do
  if ctr version > /dev/null 2>&1; then break; fi
  sleep 0.1
done
for image in /kind/build/images/*.tar; do
  ctr images import --no-unpack "$image"
done
kill %1
wait %1 || true
