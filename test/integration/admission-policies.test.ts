import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { mutatingAdmissionPolicies } from '#shared/api/admissionregistration/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindings } from '#shared/api/admissionregistration/mutating-admission-policy-binding.ts';
import { validatingAdmissionPolicies } from '#shared/api/admissionregistration/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from '#shared/api/admissionregistration/validating-admission-policy-binding.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import type { Deployment } from '#shared/api/types/apps-v1.ts';
import type { New } from '#shared/kube/object.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({
    security: () => {
      const authorizer = {
        name: 'test',
        authorize: ({ verb }: { readonly verb: string }) =>
          ({ verdict: verb === 'burn' ? 'Deny' : 'Allow', reason: '' }) as const,
      };
      return { authorizer, admission: admissionPlugins({ authorizer }) };
    },
  });
  await cluster.admin.create(configMaps, {
    metadata: { name: 'limits', namespace: 'default' },
    data: { most: '3' },
  });
});

afterAll(() => cluster[Symbol.asyncDispose]());

const deployment = (replicas: number, labels: Record<string, string> = {}): New<Deployment> => ({
  metadata: { name: 'd', namespace: 'default', labels },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'd' } },
    template: {
      metadata: { labels: { app: 'd' } },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    },
  } as unknown as Deployment['spec'],
});

const matchConstraints = {
  resourceRules: [
    {
      operations: ['CREATE', 'UPDATE'],
      apiGroups: ['apps'],
      apiVersions: ['v1'],
      resources: ['deployments'],
    },
  ],
};

interface Outcome {
  readonly code: number;
  readonly reason?: string;
  readonly message: string;
}

async function create(object: New<Deployment>): Promise<Deployment | Outcome> {
  try {
    const made = await cluster.admin.create(deployments, object);
    await cluster.admin.delete(deployments, { namespace: 'default', name: 'd' });
    return made;
  } catch (error) {
    const { code, reason, message } = error as Outcome;
    return { code, ...(reason && { reason }), message };
  }
}

const outcomeOf = (result: Deployment | Outcome): string =>
  'message' in result ? `${result.code} ${result.reason} ${result.message}` : 'allowed';

describe('validating policies', () => {
  const denied = (message: string, reason = '422 Invalid'): string =>
    `${reason} deployments.apps "d" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ${message}`;
  const cases: readonly (readonly [string, object, object, string])[] = [
    ['hold', { validations: [{ expression: 'object.spec.replicas <= 5' }] }, {}, 'allowed'],
    [
      'do not hold',
      { validations: [{ expression: 'object.spec.replicas < 5' }] },
      {},
      denied('failed expression: object.spec.replicas < 5'),
    ],
    [
      'say why, with a reason of their own',
      {
        validations: [
          {
            expression: 'object.spec.replicas < 5',
            messageExpression: '"too many: " + string(object.spec.replicas)',
            reason: 'Forbidden',
          },
        ],
      },
      {},
      denied('too many: 5', '403 Forbidden'),
    ],
    [
      'use variables, one of them another',
      {
        variables: [
          { name: 'replicas', expression: 'object.spec.replicas' },
          { name: 'isMany', expression: 'variables.replicas > 4' },
        ],
        validations: [{ expression: '!variables.isMany', message: 'many' }],
      },
      {},
      denied('many'),
    ],
    [
      'use parameters',
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: 'object.spec.replicas <= int(params.data.most)' }],
      },
      { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } },
      denied('failed expression: object.spec.replicas <= int(params.data.most)'),
    ],
    [
      'miss their parameters',
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: 'params != null' }],
      },
      { paramRef: { name: 'absent', parameterNotFoundAction: 'Deny' } },
      denied(
        'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
      ),
    ],
    [
      'ask what the caller may do',
      {
        validations: [
          {
            expression: 'authorizer.group("apps").resource("deployments").check("burn").allowed()',
          },
        ],
      },
      {},
      denied(
        'failed expression: authorizer.group("apps").resource("deployments").check("burn").allowed()',
      ),
    ],
    [
      'see the request and the namespace',
      {
        validations: [
          {
            expression:
              'request.operation == "CREATE" && request.userInfo.username == "system:admin" && namespaceObject.metadata.name == "default" && oldObject == null',
          },
        ],
      },
      {},
      'allowed',
    ],
    [
      'fail to evaluate',
      { validations: [{ expression: 'object.spec.absent == 1' }] },
      {},
      denied("expression 'object.spec.absent == 1' resulted in error: no such key: absent"),
    ],
    [
      'fail to evaluate, which is ignored',
      { failurePolicy: 'Ignore', validations: [{ expression: 'object.spec.absent == 1' }] },
      {},
      'allowed',
    ],
    [
      'are not about a request that does not fulfil their conditions',
      {
        matchConditions: [{ name: 'c', expression: 'object.spec.replicas > 100' }],
        validations: [{ expression: 'false' }],
      },
      {},
      'allowed',
    ],
    [
      'are bound to other labels',
      { validations: [{ expression: 'false' }] },
      { matchResources: { objectSelector: { matchLabels: { x: 'y' } } } },
      'allowed',
    ],
    [
      'are only warned of',
      { validations: [{ expression: 'false' }] },
      { validationActions: ['Warn'] },
      'allowed',
    ],
  ];

  test.each(cases)('%s', async (_name, policy, binding, expected) => {
    const { admin } = cluster;
    await admin.create(validatingAdmissionPolicies, {
      metadata: { name: 'p' },
      spec: { matchConstraints, ...policy },
    });
    await admin.create(validatingAdmissionPolicyBindings, {
      metadata: { name: 'b' },
      spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
    });
    const outcome = outcomeOf(await create(deployment(5)));
    await admin.delete(validatingAdmissionPolicies, { name: 'p' });
    await admin.delete(validatingAdmissionPolicyBindings, { name: 'b' });
    expect(outcome).toBe(expected);
  });
});

describe('mutating policies', () => {
  async function under(policy: object): Promise<Deployment | Outcome> {
    const { admin } = cluster;
    await admin.create(mutatingAdmissionPolicies, {
      metadata: { name: 'm' },
      spec: { matchConstraints, reinvocationPolicy: 'Never', ...policy },
    });
    await admin.create(mutatingAdmissionPolicyBindings, {
      metadata: { name: 'b' },
      spec: { policyName: 'm' },
    });
    try {
      return await create(deployment(1, { a: 'b' }));
    } finally {
      await admin.delete(mutatingAdmissionPolicies, { name: 'm' });
      await admin.delete(mutatingAdmissionPolicyBindings, { name: 'b' });
    }
  }

  test('apply what an expression gives, merged as server-side apply merges', async () => {
    const expression = `Object{
      metadata: Object.metadata{labels: {"added": "yes"}},
      spec: Object.spec{
        replicas: object.spec.replicas + variables.more,
        template: Object.spec.template{
          spec: Object.spec.template.spec{
            containers: [Object.spec.template.spec.containers{name: "side", image: "s"}]
          }
        }
      }
    }`;
    const made = await under({
      variables: [{ name: 'more', expression: '2' }],
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    });
    expect(made).toMatchObject({
      metadata: { labels: { a: 'b', added: 'yes' } },
      spec: {
        replicas: 3,
        template: {
          spec: {
            containers: [
              { name: 'c', image: 'x' },
              { name: 'side', image: 's', imagePullPolicy: 'Always' },
            ],
          },
        },
      },
    });
  });

  test('patch with what an expression gives', async () => {
    const expression = `[
      JSONPatch{op: "test", path: "/spec/replicas", value: 1},
      JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("x/y"), value: "z"},
      JSONPatch{op: "replace", path: "/spec/replicas", value: 7}
    ]`;
    const made = await under({
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
    });
    expect(made).toMatchObject({
      metadata: { labels: { a: 'b', 'x/y': 'z' } },
      spec: { replicas: 7 },
    });
  });

  const failures: readonly (readonly [string, string, string])[] = [
    [
      'fail to evaluate',
      'Object{spec: Object.spec{replicas: object.spec.absent}}',
      "403 Invalid policy 'm' with binding 'b' denied request: expression 'Object{spec: Object.spec{replicas: object.spec.absent}}' resulted in error: no such key: absent",
    ],
    [
      'replace what can only be replaced as a whole',
      'Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"a": "b"}}}}',
      "403 Invalid policy 'm' with binding 'b' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector",
    ],
    [
      'name a type that stands elsewhere',
      'Object{spec: Object.metadata{replicas: 1}}',
      `403 Invalid policy 'm' with binding 'b' denied request: type mismatch: unexpected type name "Object.metadata", expected "Object.spec", which matches field name path from root Object type`,
    ],
  ];
  test.each(failures)('%s', async (_name, expression, expected) => {
    const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }];
    expect(outcomeOf(await under({ mutations }))).toBe(expected);
  });
});
