import { appendFile, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { startControlPlane, type ControlPlane } from '#main/control-plane/index.ts';
import { defaultPlan } from '#main/control-plane/etcd/snapshot/catalog.ts';
import { openPki } from '#main/clusters/pki.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { nodes } from '#shared/api/core/node.ts';
import { startHosts, type TestHosts } from '../hosts/index.ts';
import type { Host } from '../hosts/host.ts';
import { imageArchives } from './images.ts';
import { pauseImage } from './pause.ts';

export interface KubeletRig extends AsyncDisposable {
  readonly hosts: TestHosts;
  readonly host: Host;
  readonly controlPlane: ControlPlane;
  readonly nodeName: string;
  /** Ends the kubelet, leaving its pods; and starts it again. */
  restartKubelet(): Promise<void>;
  stopKubelet(): Promise<void>;
  startKubelet(): Promise<void>;
  /** What the kubelet has written to its log. */
  log(): Promise<string>;
  /** Where the calls to the runtime are recorded, as this machine sees it. */
  readonly record: string;
}

const root = join(import.meta.dirname, '../../..');
const folder = '/opt/kubelet';

/** A control plane in this process, and a host with containerd and the kubelet that is its only node. */
export async function startKubeletRig(): Promise<KubeletRig> {
  await using stack = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'kubelet-rig-'));
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const bundle = await bundleAgent(join(scratch, 'agent'));
  const hosts = stack.use(await startHosts({ count: 1, kind: 'container' }));
  const [host] = hosts.hosts;
  if (!host) throw new Error('There is no host');
  const controlPlane = stack.use(await startPlane(scratch, hosts.gateway));
  await prepareRuntime(host);
  await putAgent(host, { bundle, scratch, port: controlPlane.port, gateway: hosts.gateway });
  const startKubelet = async (): Promise<void> => {
    await host.run(
      `systemd-run -q --unit=kubelet --property=KillMode=process sh -c 'exec ${folder}/node ${folder}/agent.mjs ${folder}/agent.json ${folder}/calls >>${folder}/log 2>&1'`,
    );
  };
  const stopKubelet = async (): Promise<void> => {
    await host.run('systemctl stop kubelet');
  };
  await startKubelet();
  const log = (): Promise<string> => host.run(`cat ${folder}/log`);
  try {
    await becomesReady(controlPlane, host.name);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await log()}`, { cause: error });
  }
  const owned = stack.move();
  return {
    hosts,
    host,
    controlPlane,
    nodeName: host.name,
    startKubelet,
    stopKubelet,
    async restartKubelet() {
      await stopKubelet();
      await startKubelet();
    },
    log,
    record: host.path(`${folder}/calls`),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function bundleAgent(outDir: string): Promise<string> {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir,
      target: 'node24',
      minify: false,
      rollupOptions: {
        input: join(import.meta.dirname, 'agent.ts'),
        output: { format: 'esm', entryFileNames: 'agent.mjs', codeSplitting: false },
      },
    },
  });
  return join(outDir, 'agent.mjs');
}

async function startPlane(scratch: string, bindAddress: string): Promise<ControlPlane> {
  return await startControlPlane({
    name: 'kubelet',
    clock: systemClock,
    log: silentLog,
    pki: join(scratch, 'pki'),
    state: join(scratch, 'state.db'),
    snapshots: join(scratch, 'snapshots'),
    snapshotPlan: defaultPlan,
    bindAddress,
    port: 6443,
    etcdPort: undefined,
    isEtcdPortFixed: false,
    serviceRange: '10.96.0.0/16',
    podRange: '10.244.0.0/16',
  });
}

const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${pauseImage}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
`;

const network = {
  cniVersion: '0.4.0',
  name: 'test',
  plugins: [
    {
      type: 'ptp',
      ipMasq: false,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.244.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

async function prepareRuntime(host: Host): Promise<void> {
  await mkdir(host.path('/etc/cni/net.d'), { recursive: true });
  await mkdir(host.path('/etc/containerd'), { recursive: true });
  await mkdir(host.path(folder), { recursive: true });
  await writeFile(host.path('/etc/cni/net.d/10-test.conflist'), JSON.stringify(network));
  await writeFile(host.path('/etc/containerd/config.toml'), containerdConfig);
  await host.run('echo 1 >/proc/sys/net/ipv4/ip_forward; systemctl restart containerd');
  for (const archive of await imageArchives()) {
    await copyFile(archive, host.path(`${folder}/image.tar`));
    await host.run(`ctr -n k8s.io images import ${folder}/image.tar`);
  }
}

interface AgentFiles {
  readonly bundle: string;
  readonly scratch: string;
  readonly port: number;
  readonly gateway: string;
}

async function putAgent(host: Host, { bundle, scratch, port, gateway }: AgentFiles): Promise<void> {
  const pki = await openPki({ folder: join(scratch, 'pki'), clock: systemClock });
  const own = await pki.certificate({
    file: `node-${host.name}`,
    authority: 'cluster',
    commonName: `system:node:${host.name}`,
    organizations: ['system:nodes'],
    subjectAlternativeNames: [],
    usages: ['clientAuth'],
  });
  const files = {
    'ca.crt': pki.authority('cluster').certificate,
    'node.crt': own.certificate,
    'node.key': own.key,
    'agent.json': JSON.stringify({
      nodeName: host.name,
      nodeAddresses: [host.address],
      server: { host: gateway, port },
      // As the kubelet had them that the facts were observed of: test machines may be rather full.
      evictionHard: {
        'memory.available': '100Mi',
        'nodefs.available': '2%',
        'imagefs.available': '2%',
      },
      pki: {
        authority: `${folder}/ca.crt`,
        certificate: `${folder}/node.crt`,
        key: `${folder}/node.key`,
        servingCertificate: `${folder}/node.crt`,
        servingKey: `${folder}/node.key`,
      },
    }),
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(host.path(`${folder}/${name}`), text);
  await appendFile(host.path(`${folder}/calls`), '');
  await copyFile(bundle, host.path(`${folder}/agent.mjs`));
  await copyFile(process.execPath, host.path(`${folder}/node`));
  await host.run(`chmod +x ${folder}/node`);
}

async function becomesReady({ cluster }: ControlPlane, name: string): Promise<void> {
  for (let left = 300; left > 0; left--) {
    const node = await cluster.get(nodes, { name }).catch(() => undefined);
    if (node?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
      return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Node ${name} did not become ready`);
}
