import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  podTemplateHash,
  revisionDataHash,
  revisionDataText,
} from '#main/control-plane/controller-manager/revision/hash.ts';
import { daemonSets } from '#shared/api/apps/daemon-set.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import type { KubeObject, New } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';

interface Vector {
  readonly name: string;
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly spec: object;
  readonly want: {
    readonly hash?: string;
    readonly collided?: readonly string[];
    readonly data?: string;
    readonly name?: string;
  };
}

const { vectors } = JSON.parse(readFileSync('test/data/controllers/hashes.json', 'utf8')) as {
  readonly vectors: readonly Vector[];
};
const kinds: Readonly<Record<Vector['kind'], Resource>> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  DaemonSet: daemonSets,
};

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

test.each(vectors.map((vector, at) => ({ ...vector, at })))(
  'what is posted as $kind $name gets upstream’s hash',
  async ({ kind, spec, want, at }) => {
    const metadata = { name: `x${at}`, namespace: 'default' };
    const stored = await cluster.admin.create(kinds[kind], {
      metadata,
      spec,
    } as unknown as New<KubeObject>);
    const { template } = (stored as unknown as { spec: { template: PodTemplateSpec } }).spec;
    const data = revisionDataText(template);
    const hash = kind === 'StatefulSet' ? revisionDataHash(data, 0) : podTemplateHash(template);
    const found = {
      hash,
      data,
      name: `<name>-${hash}`,
      collided: want.collided?.map((_, index) => podTemplateHash(template, index + 1)),
    };
    const asked = (['hash', 'data', 'name', 'collided'] as const).filter((key) => want[key]);
    expect(asked.length).toBeGreaterThan(0);
    for (const key of asked) expect(found[key]).toEqual(want[key]);
  },
);
