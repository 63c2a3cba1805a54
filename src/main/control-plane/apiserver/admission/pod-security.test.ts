import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import {
  describeViolations,
  policyOf,
  violationsOf,
  type Level,
} from '#main/control-plane/apiserver/admission/pod-security/policy.ts';
import { podSecurity } from '#main/control-plane/apiserver/admission/pod-security.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { PodSpec } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { admissionContext } from '../../../../../test/support/admission-context.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { MemoryObjectCache } from '../../../../../test/support/object-cache.ts';

interface Recorded {
  readonly spec: PodSpec;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly results: readonly (readonly [level: Level, version: string, detail: string])[];
}

/** What upstream's checks say of random pods. */
const recorded = JSON.parse(readFileSync('test/data/pod-security.json', 'utf8')) as Recorded[];

test.each(recorded.map((row, index) => [index, row] as const))(
  'pod %i breaks the rules that upstream sees broken',
  (_, { spec, annotations = {}, results }) => {
    const outcome = results.map(([level, version]) => [
      level,
      version,
      describeViolations(
        violationsOf(
          { level, version: version === 'latest' ? version : Number(version.slice('v1.'.length)) },
          { annotations, spec },
        ),
      ),
    ]);
    expect(outcome).toEqual(results);
  },
);

const label = (mode: string): string => `pod-security.kubernetes.io/${mode}`;

test.each([
  [{}, 'privileged:latest privileged:latest', 0],
  [{ [label('enforce')]: 'baseline' }, 'baseline:latest baseline:latest', 0],
  [
    { [label('enforce')]: 'restricted', [label('enforce-version')]: 'v1.30' },
    'restricted:30 restricted:30',
    0,
  ],
  [
    { [label('enforce')]: 'baseline', [label('warn')]: 'privileged' },
    'baseline:latest privileged:latest',
    0,
  ],
  [{ [label('enforce')]: 'x', [label('warn')]: 'x' }, 'restricted:latest privileged:latest', 2],
  [{ [label('enforce-version')]: 'v1.030' }, 'privileged:latest privileged:latest', 1],
])('labels %j mean %s', (labels, meaning, faults) => {
  const { policy, errors } = policyOf(labels);
  const { enforce, warn } = policy;
  expect(`${enforce.level}:${enforce.version} ${warn.level}:${warn.version}`).toBe(meaning);
  expect(errors).toHaveLength(faults);
});

const spec = { containers: [{ name: 'c', image: 'i', resources: {} }], hostNetwork: true };

function validate(labels: Record<string, string>, request: Partial<AdmissionRequest>) {
  const objects = new MemoryObjectCache();
  objects.put(namespaces, { metadata: { name: 'd', labels } });
  objects.put(pods, { metadata: { name: 'b', namespace: 'd' }, spec });
  objects.put(pods, { metadata: { name: 'a', namespace: 'd' }, spec });
  const warnings: string[] = [];
  const context = admissionContext({ objects, cluster: {} as Cluster, clock: new FakeClock() });
  try {
    void podSecurity.validate!(
      {
        operation: 'CREATE',
        resource: pods,
        subresource: '',
        namespace: 'd',
        name: 'p',
        user: { name: 'me', groups: [] },
        dryRun: false,
        object: undefined,
        oldObject: undefined,
        options: undefined,
        warn: (sentence) => warnings.push(sentence),
        ...request,
      },
      context,
    );
  } catch (error) {
    if (ApiError.is(error)) return [`${error.code} ${error.message}`];
    throw error;
  }
  return warnings;
}

const made = (object: object): AdmissionRequest['object'] => object as AdmissionRequest['object'];

test('a pod is refused, a deployment only warned of', () => {
  const labels = { [label('enforce')]: 'baseline' };
  const metadata = { name: 'p', namespace: 'd' };
  expect(validate(labels, { object: made({ metadata, spec }) })).toEqual([
    '403 pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  ]);
  const object = made({ metadata, spec: { template: { metadata: {}, spec } } });
  expect(validate(labels, { resource: deployments, object })).toEqual([
    'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  ]);
});

test('a namespace that gets stricter tells which of its pods would not be let in', () => {
  const metadata = { name: 'd', labels: { [label('enforce')]: 'baseline' } };
  expect(
    validate(
      {},
      {
        operation: 'UPDATE',
        resource: namespaces,
        name: 'd',
        object: made({ metadata }),
        oldObject: made({ metadata: { name: 'd' } }),
      },
    ),
  ).toEqual([
    'existing pods in namespace "d" violate the new PodSecurity enforce level "baseline:latest"',
    'a (and 1 other pod): host namespaces',
  ]);
});
