import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { kubectlOn } from '../support/kubectl.ts';
import { startPilothouse } from '../support/pilothouse.ts';

/** Helm itself comes from outside: PILOTHOUSE_HELM names the binary. */
const helm = process.env['PILOTHOUSE_HELM'] ?? 'helm';

describe('helm', () => {
  test('installs, upgrades, rolls back and removes a chart with hooks and a custom resource', async () => {
    await using pilothouse = await startPilothouse({ simulatedNodes: 1 });
    const folder = mkdtempSync(join(tmpdir(), 'helm-test-'));
    writeChart(folder);
    const env = { ...process.env, HOME: folder, KUBECONFIG: pilothouse.kubeconfig };
    const run = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)(helm, args, { env, timeout: 120_000 })).stdout;
    const kubectl = kubectlOn('kubectl', pilothouse.kubeconfig, { HOME: folder });
    const read = async (...args: string[]): Promise<string> =>
      (await kubectl(['get', ...args])).stdout;

    const installed = await run('install', 'demo', folder, '--wait', '--timeout', '60s');
    expect(installed).toContain('STATUS: deployed');
    expect(await read('deployment', 'demo', '-o', 'jsonpath={.status.readyReplicas}')).toBe('1');
    expect(await read('boats', 'demo', '-o', 'jsonpath={.spec.length}')).toBe('12');
    expect(await read('configmap', 'before-demo', '-o', 'jsonpath={.data.phase}')).toBe(
      'pre-install',
    );

    await run(
      'upgrade',
      'demo',
      folder,
      '--set',
      'replicas=3,length=20',
      '--wait',
      '--timeout',
      '60s',
    );
    expect(await read('deployment', 'demo', '-o', 'jsonpath={.status.readyReplicas}')).toBe('3');
    expect(await read('boats', 'demo', '-o', 'jsonpath={.spec.length}')).toBe('20');

    await run('rollback', 'demo', '1', '--wait', '--timeout', '60s');
    expect(await read('deployment', 'demo', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
    expect(await run('history', 'demo')).toMatch(/3\s.*deployed\s.*Rollback to 1/);

    expect(await run('uninstall', 'demo', '--wait', '--timeout', '60s')).toContain('uninstalled');
    expect((await kubectl(['get', 'deployment', 'demo'])).stderr).toContain('NotFound');
  }, 180_000);
});

function writeChart(folder: string): void {
  const files: Readonly<Record<string, string>> = {
    'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 0.1.0\n',
    'values.yaml': 'replicas: 1\nlength: 12\n',
    'crds/boats.yaml': `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.sea.example.com }
spec:
  group: sea.example.com
  scope: Namespaced
  names: { kind: Boat, plural: boats, singular: boat, listKind: BoatList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { length: { type: integer, minimum: 1 } } }
`,
    'templates/boat.yaml': `
apiVersion: sea.example.com/v1
kind: Boat
metadata: { name: {{ .Release.Name }} }
spec: { length: {{ .Values.length }} }
`,
    'templates/hook.yaml': `
apiVersion: v1
kind: ConfigMap
metadata:
  name: before-{{ .Release.Name }}
  annotations: { helm.sh/hook: pre-install, helm.sh/hook-delete-policy: before-hook-creation }
data: { phase: pre-install }
`,
    'templates/deployment.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: web, image: "registry.example/web:1" }] }
`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
