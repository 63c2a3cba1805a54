import { expect, test } from 'vitest';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { limitRanges } from '#shared/api/core/limit-range.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveHttps } from '../support/https-server.ts';
import { kubectlOn, kubectls, type Kubectl } from '../support/kubectl.ts';

const deployment = (image: string, more = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, labels: {app: web}}
spec:
  ${more}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "${image}", ports: [{containerPort: 80}], env: [{name: A, value: a}]}
`;

const key = { namespace: 'default', name: 'web' };

async function onCluster(run: (kubectl: Kubectl, cluster: TestCluster) => Promise<void>) {
  for (const { binary } of kubectls()) {
    await using cluster = await startTestCluster();
    await using server = await serveHttps(cluster.server);
    await run(kubectlOn(binary, server.kubeconfig), cluster);
  }
}

const unchecked = ['--validate=false', '-f', '-'];
const apply = (...more: string[]): string[] => ['apply', '--server-side', ...unchecked, ...more];

test('kubectl applies server-side, meets a conflict, and forces it', () =>
  onCluster(async (kubectl, { admin }) => {
    expect(await kubectl(apply(), deployment('a:1'))).toMatchObject({
      stdout: 'deployment.apps/web serverside-applied\n',
    });
    expect(
      await kubectl(apply('--field-manager=ci'), deployment('a:1', 'replicas: 3')),
    ).toMatchObject({ stderr: '', code: 0 });
    const conflict = await kubectl(apply('--field-manager=ci'), deployment('a:2', 'replicas: 3'));
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain(
      'conflict with "kubectl": .spec.template.spec.containers[name="c"].image',
    );
    const forced = apply('--field-manager=ci', '--force-conflicts');
    expect(await kubectl(forced, deployment('a:2', 'replicas: 3'))).toMatchObject({
      stderr: '',
      code: 0,
    });
    const { metadata, spec } = await admin.get(deployments, key);
    expect(spec).toMatchObject({
      replicas: 3,
      template: { spec: { containers: [{ image: 'a:2' }] } },
    });
    const managers = metadata.managedFields?.map(({ manager }) => manager);
    expect(managers?.toSorted()).toEqual(['ci', 'kubectl']);
    // What nobody applies any more goes away, and its default comes back.
    expect(await kubectl(forced, deployment('a:2'))).toMatchObject({ stderr: '', code: 0 });
    expect((await admin.get(deployments, key)).spec?.replicas).toBe(1);
  }));

test('an object applied by the client moves to the server without a conflict', () =>
  onCluster(async (kubectl, { admin }) => {
    expect(await kubectl(['apply', ...unchecked], deployment('a:1'))).toMatchObject({
      stderr: '',
      code: 0,
    });
    expect(await kubectl(['apply', ...unchecked], deployment('a:2'))).toMatchObject({
      stdout: 'deployment.apps/web configured\n',
    });
    expect(await kubectl(['apply', ...unchecked], deployment('a:2'))).toMatchObject({
      stdout: 'deployment.apps/web unchanged\n',
    });
    expect(await kubectl(apply(), deployment('a:3'))).toMatchObject({ code: 0, stderr: '' });
    const { metadata, spec } = await admin.get(deployments, key);
    expect(spec?.template?.spec?.containers[0]?.image).toBe('a:3');
    expect(metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']).toContain(
      '"image":"a:3"',
    );
  }));

test('kubectl patches in all three ways, and edits lists by key', () =>
  onCluster(async (kubectl, { admin }) => {
    await kubectl(['create', ...unchecked], deployment('a:1'));
    const patch = (type: string, body: unknown): string[] => [
      'patch',
      'deployment',
      'web',
      `--type=${type}`,
      '-p',
      JSON.stringify(body),
    ];
    const containers = [{ name: 'c', env: [{ name: 'B', value: 'b' }] }];
    const strategic = { spec: { template: { spec: { containers } } } };
    expect(await kubectl(patch('strategic', strategic))).toMatchObject({ stderr: '', code: 0 });
    const path = '/spec/template/spec/containers/0/image';
    expect(await kubectl(patch('json', [{ op: 'replace', path, value: 'a:2' }]))).toMatchObject({
      stderr: '',
      code: 0,
    });
    const merge = { metadata: { labels: { app: null, b: 'c' } } };
    expect(await kubectl(patch('merge', merge))).toMatchObject({ stderr: '', code: 0 });
    const refused = await kubectl(patch('json', [{ op: 'test', path, value: 'x' }]));
    expect(refused.stderr).toMatch(
      /^The request is invalid(?:: the server rejected our request due to an error in our request)?\n$/,
    );
    const { metadata, spec } = await admin.get(deployments, key);
    expect(metadata.labels).toEqual({ b: 'c' });
    expect(spec?.template?.spec?.containers).toMatchObject([
      {
        image: 'a:2',
        env: [
          { name: 'B', value: 'b' },
          { name: 'A', value: 'a' },
        ],
      },
    ]);
  }));

test('pods pass the default admission plugins on their way into the store', async () => {
  await using cluster = await startTestCluster({
    security: () => ({
      admission: admissionPlugins({
        authorizer: { name: 'none', authorize: () => ({ verdict: 'NoOpinion', reason: '' }) },
      }),
    }),
  });
  const { admin } = cluster;
  const namespace = 'default';
  await admin.create(serviceAccounts, { metadata: { name: 'default', namespace } });
  await admin.create(limitRanges, {
    metadata: { name: 'l', namespace },
    spec: { limits: [{ type: 'Container', default: { cpu: '500m', memory: '1Gi' } }] },
  });
  const hard = { pods: '2', 'requests.cpu': '4' };
  const quota = await admin.create(resourceQuotas, {
    metadata: { name: 'q', namespace },
    spec: { hard },
  });
  const status = { hard, used: { pods: '0', 'requests.cpu': '0' } };
  await admin.update(resourceQuotas, { ...quota, status }, { subresource: 'status' });
  const pod = (name: string) => ({
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const outcomes = await Promise.allSettled(
    ['a', 'b', 'c', 'd'].map((name) => admin.create(pods, pod(name) as never)),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  expect(await admin.get(pods, { namespace, name: 'a' })).toMatchObject({
    metadata: {
      annotations: {
        'kubernetes.io/limit-ranger':
          'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c',
      },
    },
    spec: {
      serviceAccountName: 'default',
      priority: 0,
      containers: [{ resources: { requests: { cpu: '500m', memory: '1Gi' } } }],
    },
    status: { qosClass: 'Guaranteed' },
  });
  const used = async (): Promise<unknown> =>
    (await admin.get(resourceQuotas, { namespace, name: 'q' })).status?.used;
  expect(await used()).toEqual({ pods: '2', 'requests.cpu': '1' });
  // A name that is taken: the charge for the pod that did not come to be is taken back.
  const full = { ...status, hard: { pods: '9', 'requests.cpu': '4' } };
  const current = await admin.get(resourceQuotas, { namespace, name: 'q' });
  const roomy = { ...current, status: { ...full, used: current.status.used! } };
  await admin.update(resourceQuotas, roomy, { subresource: 'status' });
  const again = admin.create(pods, pod('a') as never);
  await expect(again).rejects.toSatisfy((error) => ApiError.is(error, 'AlreadyExists'));
  expect(await used()).toEqual({ pods: '2', 'requests.cpu': '1' });
});

const gadgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [id]
                items:
                  type: object
                  required: [id]
                  properties: {id: {type: string}, count: {type: integer}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              open: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, properties: {ready: {type: boolean}}}
`;

const gadget = (spec: string): string => `
apiVersion: example.com/v1
kind: Gadget
metadata: {name: g, namespace: default}
spec: ${spec}
status: {ready: true}
`;

test('custom resources are applied by their schema: lists by key, sets, open objects', () =>
  onCluster(async (kubectl) => {
    expect(await kubectl(['create', ...unchecked], gadgets)).toMatchObject({ stderr: '', code: 0 });
    const established = ['wait', '--for=condition=Established', 'crd/gadgets.example.com'];
    expect(await kubectl(established)).toMatchObject({ code: 0 });
    const first = gadget('{parts: [{id: a, count: 1}], tags: [x], open: {a: {b: 1}, list: [1]}}');
    await expect.poll(async () => (await kubectl(apply(), first)).stderr).toBe('');
    const second = gadget('{parts: [{id: b}], tags: [z], open: {a: {c: 2}}}');
    const other = apply('--field-manager=ci');
    expect(await kubectl(other, second)).toMatchObject({ stderr: '', code: 0 });
    const third = gadget('{parts: [{id: a, count: 2}], open: {a: {b: 3}, list: [2]}}');
    const conflict = await kubectl(other, third);
    expect(conflict.stderr).toContain('Apply failed with 3 conflicts: conflicts with "kubectl":');
    for (const field of ['.spec.open.a.b', '.spec.open.list', '.spec.parts[id="a"].count'])
      expect(conflict.stderr).toContain(`- ${field}\n`);
    // What the first applier leaves out goes, unless the other one has it too.
    expect(await kubectl(apply(), gadget('{tags: [z]}'))).toMatchObject({ stderr: '', code: 0 });
    const { stdout } = await kubectl(['get', 'gadget', 'g', '-o', 'json']);
    const { spec, status } = JSON.parse(stdout) as Record<string, unknown>;
    expect(spec).toEqual({ parts: [{ id: 'b' }], tags: ['z'], open: { a: { c: 2 } } });
    expect(status).toBeUndefined();
  }));
