import { X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { follow, kubectlOn, kubectls, type Kubectl } from '../support/kubectl.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';

/** What people do with kubectl all day, against the whole product, with every kubectl at hand. */

let pilothouse: Pilothouse;
beforeAll(async () => {
  pilothouse = await startPilothouse({ simulatedNodes: 2 });
});
afterAll(async () => {
  await pilothouse?.[Symbol.asyncDispose]();
});

const deployment = (name: string, replicas: number, image = 'registry.example/web:1'): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: { app: ${name} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: web
          image: ${image}
          ports: [{ containerPort: 80 }]
`;

describe.each(kubectls().map((each, index) => ({ ...each, namespace: `kubectl-${index}` })))(
  '$name',
  ({ binary, namespace }) => {
    let kubectl: Kubectl;
    let scratch: string;

    /** The standard output of a command that must succeed. */
    const ok = async (args: string, input?: string): Promise<string> => {
      const { code, stdout, stderr } = await kubectl(['-n', namespace, ...args.split(' ')], input);
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({
        args,
        code: 0,
        stderr: '',
      });
      return stdout;
    };
    const fails = async (args: string, input?: string): Promise<string> => {
      const { code, stderr, stdout } = await kubectl(['-n', namespace, ...args.split(' ')], input);
      expect(code, `${args}\n${stdout}`).not.toBe(0);
      return stderr;
    };

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'kubectl-test-'));
      kubectl = kubectlOn(binary, pilothouse.kubeconfig, { HOME: scratch });
      await ok(`create namespace ${namespace}`);
    });

    test('apply creates, changes, then leaves alone; diff shows what would change', async () => {
      expect(await ok('apply -f -', deployment('web', 2))).toBe('deployment.apps/web created\n');
      expect(await ok('apply -f -', deployment('web', 2))).toBe('deployment.apps/web unchanged\n');
      const diff = await kubectl(['-n', namespace, 'diff', '-f', '-'], deployment('web', 3));
      expect(diff.code).toBe(1);
      expect(diff.stdout).toMatch(/^-\s+replicas: 2$/m);
      expect(diff.stdout).toMatch(/^\+\s+replicas: 3$/m);
      expect(await ok('apply -f -', deployment('web', 3))).toBe('deployment.apps/web configured\n');
      expect(await ok('rollout status deployment/web --timeout=30s')).toContain(
        'deployment "web" successfully rolled out',
      );
    });

    test('get shows wide tables, YAML and changes as they come', async () => {
      const wide = await ok('get pods -l app=web -o wide');
      expect(wide.split('\n')[0]).toMatch(
        /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/,
      );
      expect(wide).toMatch(/^web-\w+-\w{5} +1\/1 +Running +0 /m);
      expect(await ok('get deployment web -o yaml')).toContain('\n  replicas: 3\n');
      expect(await ok('get deployment web -o jsonpath={.status.readyReplicas}')).toBe('3');
      const args = [
        '--kubeconfig',
        pilothouse.kubeconfig,
        '-n',
        namespace,
        'get',
        'configmaps',
        '-w',
      ];
      const watching = follow({ binary, args }, (output) => /^seen-by-watch +1 /m.test(output));
      await ok('create configmap seen-by-watch --from-literal=a=b');
      expect(await watching).toMatch(/^seen-by-watch +1 /m);
    });

    test('describe tells of the object and of its events', async () => {
      const text = await ok('describe deployment web');
      expect(text).toMatch(
        /^Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable$/m,
      );
      expect(text).toMatch(
        /Normal +ScalingReplicaSet .*deployment-controller +Scaled up replica set web-\w+/,
      );
      const pod = (await ok('get pods -l app=web -o name')).split('\n')[0];
      expect(await ok(`describe ${pod}`)).toMatch(/Normal +Scheduled .*Successfully assigned/);
      expect(await ok('describe nodes')).toMatch(/^ +Ready +True /m);
    });

    test('explain knows every field', async () => {
      const text = await ok('explain deployment.spec.template.spec --recursive');
      expect(text).toContain('topologySpreadConstraints');
      expect(await ok('explain pod.spec.containers.imagePullPolicy')).toContain(
        'Always, Never, IfNotPresent',
      );
    });

    test('server-side apply takes what nobody owns and names the owner of the rest', async () => {
      await ok('apply --server-side --field-manager=first -f -', deployment('shared', 1));
      const refusal = await fails(
        'apply --server-side --field-manager=second -f -',
        deployment('shared', 2),
      );
      expect(refusal).toContain('Apply failed with 1 conflict: conflict with "first"');
      expect(refusal).toContain('.spec.replicas');
      const forced = 'apply --server-side --field-manager=second --force-conflicts -f -';
      expect(await ok(forced, deployment('shared', 2))).toBe(
        'deployment.apps/shared serverside-applied\n',
      );
      expect(await ok('get deployment shared -o jsonpath={.spec.replicas}')).toBe('2');
    });

    test('create, patch, label, annotate and edit change what is there', async () => {
      await ok('create configmap settings --from-literal=colour=blue');
      expect(await fails('create configmap settings --from-literal=colour=red')).toContain(
        'configmaps "settings" already exists',
      );
      await ok('patch configmap settings --type=merge -p {"data":{"colour":"green"}}');
      await ok(
        'patch configmap settings --type=json -p [{"op":"add","path":"/data/size","value":"big"}]',
      );
      expect(await ok('get configmap settings -o jsonpath={.data}')).toBe(
        '{"colour":"green","size":"big"}',
      );
      await ok(
        'patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"web","workingDir":"/x"}]}}}}',
      );
      expect(
        await ok('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}'),
      ).toBe('registry.example/web:1');
      expect(await ok('label configmap settings tier=front')).toBe('configmap/settings labeled\n');
      expect(await fails('label configmap settings tier=back')).toContain(
        "'tier' already has a value (front), and --overwrite is false",
      );
      expect(await ok('annotate configmap settings note=x')).toBe('configmap/settings annotated\n');
      const editor = join(scratch, 'editor.sh');
      writeFileSync(editor, '#!/bin/sh\nsed -i "s/colour: green/colour: yellow/" "$1"\n', {
        mode: 0o755,
      });
      const editing = kubectlOn(binary, pilothouse.kubeconfig, {
        HOME: scratch,
        KUBE_EDITOR: editor,
      });
      expect((await editing(['-n', namespace, 'edit', 'configmap', 'settings'])).stdout).toBe(
        'configmap/settings edited\n',
      );
      expect(await ok('get configmap settings -o jsonpath={.data.colour}')).toBe('yellow');
    });

    test('scale, rollout history and undo', async () => {
      expect(await ok('scale deployment web --replicas=1')).toBe('deployment.apps/web scaled\n');
      expect(await fails('scale deployment web --replicas=5 --current-replicas=4')).toContain(
        'Expected replicas to be 4, was 1',
      );
      await ok('set image deployment/web web=registry.example/web:2');
      await ok('rollout status deployment/web --timeout=30s');
      expect(await ok('rollout history deployment/web')).toMatch(
        /REVISION +CHANGE-CAUSE\n1 .*\n2 .*\n3 /,
      );
      expect(await ok('rollout undo deployment/web --to-revision=1')).toBe(
        'deployment.apps/web rolled back\n',
      );
      await ok('rollout status deployment/web --timeout=30s');
      expect(
        await ok('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}'),
      ).toBe('registry.example/web:1');
    });

    test('expose gives a service with addresses behind it', async () => {
      expect(await ok('expose deployment web --port=80')).toBe('service/web exposed\n');
      await expect
        .poll(() => ok('get endpoints web -o jsonpath={.subsets[*].addresses[*].ip}'), {
          timeout: 10_000,
        })
        .toMatch(/^\d+\./);
      expect(await ok('get service web')).toMatch(
        /^web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP /m,
      );
    });

    test('taint, cordon, drain and uncordon a node', async () => {
      const node = (await ok('get nodes -o name')).split('\n')[0]?.replace('node/', '') ?? '';
      expect(await ok(`taint nodes ${node} dedicated=x:NoSchedule`)).toBe(`node/${node} tainted\n`);
      expect(await ok(`taint nodes ${node} dedicated-`)).toBe(`node/${node} untainted\n`);
      expect(await ok(`cordon ${node}`)).toBe(`node/${node} cordoned\n`);
      expect(await ok('get nodes')).toMatch(new RegExp(`^${node} +Ready,SchedulingDisabled `, 'm'));
      await ok('scale deployment web --replicas=4');
      const drained = await ok(`drain ${node} --ignore-daemonsets --timeout=60s --force`);
      expect(drained).toMatch(/drained|evicted/);
      await ok('rollout status deployment/web --timeout=30s');
      expect(await ok('get pods -l app=web -o jsonpath={.items[*].spec.nodeName}')).not.toContain(
        node,
      );
      expect(await ok(`uncordon ${node}`)).toBe(`node/${node} uncordoned\n`);
    });

    test('wait sees conditions, delete --wait sees the end', async () => {
      await ok('wait --for=condition=Available deployment/web --timeout=30s');
      expect(await ok('delete deployment web --wait --timeout=30s')).toMatch(
        /^deployment.apps "web" deleted/,
      );
      await expect
        .poll(
          async () =>
            (await kubectl(['-n', namespace, 'get', 'pods', '-l', 'app=web', '-o', 'name'])).stdout,
          { timeout: 60_000 },
        )
        .toBe('');
      expect(await fails('get deployment web')).toBe(
        'Error from server (NotFound): deployments.apps "web" not found\n',
      );
    });

    test('events are listed', async () => {
      expect(await ok('get events')).toMatch(/Normal +ScalingReplicaSet +deployment\/web/);
    });

    test('auth can-i answers, for oneself and for others', async () => {
      expect(await ok('auth can-i --list')).toMatch(/^\*\.\* +\[\] +\[\] +\[\*\]$/m);
      expect(await ok('auth can-i create deployments')).toBe('yes\n');
      const other = await kubectl([
        '-n',
        namespace,
        'auth',
        'can-i',
        'get',
        'secrets',
        '--as',
        'jane',
      ]);
      expect(other).toMatchObject({ code: 1, stdout: 'no\n' });
      expect(await fails('get secrets --as jane')).toContain(
        `secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
      );
    });

    test('a user with a signed certificate and a role may do what the role says', async () => {
      const name = `jane-${namespace}`;
      const run = (...args: string[]): void =>
        void execFileSync('openssl', args, { cwd: scratch, stdio: 'pipe' });
      run(
        'req',
        '-new',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        'key.pem',
        '-out',
        'csr.pem',
        '-subj',
        `/CN=${name}`,
      );
      const request = readFileSync(join(scratch, 'csr.pem')).toString('base64');
      await ok(
        'create -f -',
        `
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: ${name} }
spec: { request: ${request}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth] }
`,
      );
      expect(await ok(`certificate approve ${name}`)).toMatch(/approved\n$/);
      await expect
        .poll(() => ok(`get csr ${name} -o jsonpath={.status.certificate}`), { timeout: 10_000 })
        .not.toBe('');
      const certificate = Buffer.from(
        await ok(`get csr ${name} -o jsonpath={.status.certificate}`),
        'base64',
      );
      expect(new X509Certificate(certificate).subject).toBe(`CN=${name}`);
      writeFileSync(join(scratch, 'crt.pem'), certificate);
      await ok('create role reader --verb=get,list --resource=configmaps');
      await ok(`create rolebinding reader --role=reader --user=${name}`);
      const credentials = [
        '--client-certificate',
        join(scratch, 'crt.pem'),
        '--client-key',
        join(scratch, 'key.pem'),
      ];
      const ca = join(scratch, 'ca.pem');
      writeFileSync(
        ca,
        Buffer.from(
          await ok(
            'config view --raw -o jsonpath={.clusters[0].cluster.certificate-authority-data}',
          ),
          'base64',
        ),
      );
      const as = kubectlOn(binary, '/dev/null', { HOME: scratch });
      const server = [
        '--server',
        `https://127.0.0.1:${pilothouse.port}`,
        '--certificate-authority',
        ca,
        '-n',
        namespace,
      ];
      expect(
        await as([...server, ...credentials, 'get', 'configmaps', '-o', 'name']),
      ).toMatchObject({ code: 0 });
      expect((await as([...server, ...credentials, 'get', 'secrets'])).stderr).toContain(
        `User "${name}" cannot list resource "secrets"`,
      );
    });

    test('api-resources, cluster-info, componentstatuses and version', async () => {
      const table = await ok('api-resources');
      for (const kind of [
        'Pod',
        'Deployment',
        'CronJob',
        'NetworkPolicy',
        'CustomResourceDefinition',
        'FlowSchema',
      ]) {
        expect(table).toMatch(new RegExp(` ${kind}$`, 'm'));
      }
      expect(await ok('cluster-info')).toContain('is running at');
      expect(await ok('get componentstatuses')).toMatch(/etcd-0 +Healthy/);
      expect(await ok('version')).toMatch(/v1\.36\.\d+\+pilothouse\.\d+/);
    });

    test('a namespace goes with everything in it', async () => {
      await ok(`delete namespace ${namespace} --wait --timeout=60s`);
      expect(await fails(`get namespace ${namespace}`)).toContain('NotFound');
    });
  },
);
