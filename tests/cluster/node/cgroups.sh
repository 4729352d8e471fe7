# Put in place of kind's function of the same name. kind hides the "misc" controller from systemd;
# this hides every cgroup v1 controller that the machine has not mounted, since systemd in the node
# would mount net_cls, perf_event, hugetlb, ... and a v1 hierarchy is global to the machine.
remove_misc_controller() {
  local controller
  {
    head -n1 /proc/cgroups
    for controller in $(awk 'NR > 1 {print $1}' /proc/cgroups); do
      if [[ $controller != misc && -d /sys/fs/cgroup/$controller ]]; then
        grep "^$controller[[:space:]]" /proc/cgroups
      fi
    done
  } > /kind/fake-cgroups
  mount --bind /kind/fake-cgroups /proc/cgroups
}
