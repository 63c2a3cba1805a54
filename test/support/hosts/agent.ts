import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { busyboxImage } from './busybox.ts';
import type { Host } from './host.ts';
import { nodeCertificate } from '#main/clusters/certificates.ts';
import type { Pki } from '#main/clusters/pki.ts';

const place = '/opt/agent';

/** The agent in one file, in that folder. */
export async function bundleAgent(folder: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      target: 'node24',
      minify: false,
      rollupOptions: {
        input: 'src/agent/main.ts',
        output: { format: 'esm', entryFileNames: 'agent.mjs', codeSplitting: false },
      },
    },
  });
  return join(folder, 'agent.mjs');
}

export interface AgentOnHost {
  /** The bundle. */
  readonly agent: string;
  readonly pki: Pki;
  /** Where the API is, as the host sees it. */
  readonly server: { readonly host: string; readonly port: number };
}

/** Makes a host with containerd and the busybox image a node, without provisioning and tunnel. */
export async function startAgentOn(host: Host, { agent, pki, server }: AgentOnHost): Promise<void> {
  const client = await pki.certificate(nodeCertificate(host.name));
  const serving = await pki.certificate({
    ...nodeCertificate(host.name),
    file: `serving-${host.name}`,
    subjectAlternativeNames: [host.name, host.address],
    usages: ['serverAuth'],
  });
  mkdirSync(host.path(place), { recursive: true });
  const put = (name: string, text: string): string => {
    writeFileSync(host.path(join(place, name)), text);
    return join(place, name);
  };
  const settings = {
    nodeName: host.name,
    nodeAddresses: [host.address],
    server,
    pki: {
      authority: put('ca.crt', pki.authority('cluster').certificate),
      certificate: put('client.crt', client.certificate),
      key: put('client.key', client.key),
      servingCertificate: put('serving.crt', serving.certificate),
      servingKey: put('serving.key', serving.key),
    },
  };
  const file = put('settings.json', JSON.stringify(settings));
  copyFileSync(agent, host.path(join(place, 'agent.mjs')));
  copyFileSync(process.execPath, host.path(join(place, 'node')));
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  await host.run(`set -e
sed -i 's#^\\[${cri}\\]#&\\n  sandbox_image = "${busyboxImage}"#' /etc/containerd/config.toml
systemctl restart containerd
chmod 755 ${place}/node
systemd-run --unit agent ${place}/node ${place}/agent.mjs run --settings ${file}`);
}
