import { differing, removeFiles, writeFiles, type RemoteFile } from '#main/provision/files.ts';
import { step, type NodePlan } from '#main/provision/step.ts';

export const stateFolder = '/var/lib/pilothouse';
/** On the loopback device, yet no loopback's: pods can be led there, other machines cannot. */
export const apiAddress = '169.254.77.1';
const apiPort = 6443;

/** Who the node is, and what it shows for it. */
export const settings = step<undefined>({
  name: 'settings',

  async detect({ machine, plan }) {
    const changed = await differing(machine, settingsFiles(plan));
    return changed.map(({ path }) => `write ${path}`);
  },

  prior: async () => undefined,

  async apply({ machine, plan }) {
    await writeFiles(machine, settingsFiles(plan));
  },

  async undo(machine) {
    const paths = ['agent.json', 'cluster', 'pki', 'certificates', 'remembered', 'tokens'].map(
      (name) => `${stateFolder}/${name}`,
    );
    await removeFiles(machine, paths);
  },
});

export function settingsFiles(plan: NodePlan): readonly RemoteFile[] {
  const { nodeName, addresses, serviceRange, podRange, credentials } = plan;
  const pki = {
    authority: `${stateFolder}/pki/ca.crt`,
    certificate: `${stateFolder}/pki/node.crt`,
    key: `${stateFolder}/pki/node.key`,
    servingCertificate: `${stateFolder}/pki/kubelet.crt`,
    servingKey: `${stateFolder}/pki/kubelet.key`,
  };
  const content = {
    nodeName,
    nodeAddresses: addresses,
    server: { host: apiAddress, port: apiPort, way: 'tunnel' },
    pki,
    clusterDns: serviceRange.replace(/\d+\/\d+$/, '10'),
    serviceRange,
    podRange,
  };
  return [
    {
      path: `${stateFolder}/agent.json`,
      mode: '600',
      content: `${JSON.stringify(content, null, 2)}\n`,
    },
    { path: `${stateFolder}/cluster`, mode: '600', content: `${plan.cluster}\n` },
    { path: pki.authority, mode: '600', content: credentials.authority },
    { path: pki.certificate, mode: '600', content: credentials.certificate },
    { path: pki.key, mode: '600', content: credentials.key },
    { path: pki.servingCertificate, mode: '600', content: credentials.servingCertificate },
    { path: pki.servingKey, mode: '600', content: credentials.servingKey },
  ];
}
