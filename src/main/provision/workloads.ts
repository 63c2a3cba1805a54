import { runOn, type Machine } from '#main/provision/machine.ts';

/**
 * Ends every pod on a machine and takes away what it left in the kernel: processes, mounts, network
 * namespaces, links and tables. For a machine that stops being a node; safe to repeat.
 */
export async function removeWorkloads(machine: Machine): Promise<void> {
  await runOn(
    machine,
    `set +e
ctr="ctr -n k8s.io"
if command -v ctr >/dev/null && systemctl is-active --quiet containerd; then
  for task in $($ctr tasks list -q); do $ctr tasks kill -s SIGKILL -a $task; done 2>/dev/null
  for try in 1 2 3 4 5; do
    for task in $($ctr tasks list -q); do $ctr tasks rm -f $task >/dev/null; done 2>/dev/null
    [ -z "$($ctr tasks list -q)" ] && break
    sleep 0.5
  done
  for container in $($ctr containers list -q); do $ctr containers rm $container; done 2>/dev/null
  images=$($ctr images list -q)
  [ -z "$images" ] || $ctr images rm --sync $images >/dev/null 2>&1
fi
awk '$2 ~ "^/var/lib/kubelet/|^/run/netns/cni-|^/run/containerd/io.containerd.(grpc.v1.cri|runtime.v2.task/k8s.io)" {print $2}' /proc/mounts | sort -r | xargs -r -n 1 umount -l
for namespace in $(ls /run/netns 2>/dev/null | grep '^cni-'); do ip netns del $namespace 2>/dev/null || rm -f /run/netns/$namespace; done
for link in $(ip -o link show | sed -n 's/^[0-9]*: \\(cni0\\|pilothouse[^:@]*\\)[:@].*/\\1/p'); do ip link del $link; done
ip route flush proto 180 2>/dev/null
rm -f /etc/cni/net.d/*pilothouse*
dns=$(sed -n 's/^ *"clusterDns": *"\\([^"]*\\)".*/\\1/p' /var/lib/pilothouse/agent.json 2>/dev/null)
[ -z "$dns" ] || ip address del $dns/32 dev lo 2>/dev/null
if command -v nft >/dev/null; then
  nft list tables 2>/dev/null | awk '$3 ~ /^pilothouse|^kube-/ {print $2, $3}' | while read -r family table; do nft delete table $family $table; done
fi
true`,
  );
}
