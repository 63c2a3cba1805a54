import { join } from 'node:path';
import { busyboxImage, importBusybox } from './busybox.ts';
import type { Host } from './host.ts';
import { connectContainerRuntime, type ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { systemClock } from '#shared/base/system-clock.ts';

export interface ContainerdPod extends Disposable {
  readonly runtime: ContainerRuntime;
  readonly directory: PodDirectory;
}

const socket = '/run/containerd/containerd.sock';
const network = {
  cniVersion: '0.4.0',
  name: 'test',
  plugins: [{ type: 'ptp', ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.9.0/24' }]] } }],
};

/** One pod in a real containerd, made by hand: what a kubelet's server would find there. */
export async function startContainerdPod(host: Host, pod: Pod): Promise<ContainerdPod> {
  await importBusybox(host);
  await configure(host);
  const runtime = connectContainerRuntime(`unix://${host.path(socket)}`, { clock: systemClock });
  const { name, namespace = '', uid } = pod.metadata;
  const logDirectory = `/var/log/pods/${namespace}_${name}_${uid}`;
  const labels = { 'io.kubernetes.pod.uid': uid };
  const config = {
    metadata: { name, uid, namespace, attempt: 0 },
    hostname: name,
    logDirectory,
    labels,
    linux: { cgroupParent: '/pods' },
  };
  const { podSandboxId } = await runtime.runPodSandbox({ config });
  const ids = new Map<string, string>();
  for (const container of pod.spec.containers) {
    const { containerId } = await runtime.createContainer({
      podSandboxId,
      sandboxConfig: config,
      config: {
        metadata: { name: container.name, attempt: 0 },
        image: { image: busyboxImage },
        command: container.command ?? [],
        stdin: container.stdin ?? false,
        tty: container.tty ?? false,
        labels: { ...labels, 'io.kubernetes.container.name': container.name },
        logPath: `${container.name}.log`,
      },
    });
    await runtime.startContainer({ containerId });
    ids.set(container.name, containerId);
  }
  return {
    runtime,
    directory: {
      pods: () => [pod],
      find: (space, wanted) => (space === namespace && wanted === name ? pod : undefined),
      sandboxId: () => podSandboxId,
      container(_uid, wanted, { previous = false } = {}) {
        const id = ids.get(wanted);
        if (!id || previous) return undefined;
        return { id, logPath: host.path(join(logDirectory, `${wanted}.log`)), running: true };
      },
    },
    [Symbol.dispose]: () => runtime[Symbol.dispose](),
  };
}

/** Its streaming server is reached from outside the host, where the kubelet's server is in a test. */
async function configure(host: Host): Promise<void> {
  const place = 'plugins."io.containerd.grpc.v1.cri"';
  await host.run(`mkdir -p /etc/cni/net.d && cat >/etc/cni/net.d/10-test.conflist <<'END'
${JSON.stringify(network)}
END
sed -i 's#^\\[${place}\\]#&\\n  sandbox_image = "${busyboxImage}"\\n  stream_server_address = "${host.address}"#' /etc/containerd/config.toml
systemctl restart containerd`);
  for (let left = 100; left > 0; left--) {
    const { code } = await host.execute('ctr version');
    if (code === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`containerd on ${host.name} does not come back after a restart`);
}
