import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { resources } from '#shared/api/index.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { patchTypes, type PatchType } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { parseKey, type KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';
import { differences } from '../scheduler-facts/compare.ts';
import { play, type Scenario, type Stage } from '../scheduler-facts/player.ts';
import { startTestCluster } from '../support/cluster.ts';

const byPlural = new Map<string, Resource>();
for (const one of resources) if (!byPlural.has(one.plural)) byPlural.set(one.plural, one);
const resourceOf = (plural: string): Resource => byPlural.get(plural)!;

/** A whole API server on a store in memory. */
async function serverStage(): Promise<Stage> {
  const cluster = await startTestCluster({ namespaces: [] });
  const { admin } = cluster;
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  return {
    cluster: cluster.as('system:kube-scheduler'),
    asStored: false,
    async create(plural, object) {
      const resource = resourceOf(plural);
      const { status } = object as KubeObject & { readonly status?: unknown };
      const full = { ...object, apiVersion: groupVersionOf(resource), kind: resource.kind };
      const { name } = await admin.create(resource, full).then(({ metadata }) => metadata);
      if (status === undefined) return;
      const key = { namespace: object.metadata.namespace, name };
      const patch = { type: patchTypes.merge, body: { status } };
      await admin.patch(resource, key, patch, { subresource: 'status' });
    },
    async patch(plural, key, { body, type, subresource }) {
      const patch = { type: (type ?? patchTypes.merge) as PatchType, body };
      await admin.patch(resourceOf(plural), parseKey(key), patch, {
        ...(subresource && { subresource }),
      });
    },
    async remove(plural, key) {
      await admin.delete(resourceOf(plural), parseKey(key), { gracePeriodSeconds: 0 });
    },
    all: async (plural) => (await admin.list(resourceOf(plural))).items,
    async get(plural, key) {
      try {
        return await admin.get(resourceOf(plural), parseKey(key));
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    async settle() {
      let quiet = 0;
      for (let before = ''; quiet < 3;) {
        await pause(4);
        const now = (await admin.list(resourceOf('pods'))).metadata.resourceVersion ?? '';
        quiet = now === before ? quiet + 1 : 0;
        before = now;
      }
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

const scenarios = JSON.parse(
  readFileSync(new URL('../data/scheduler/scenarios.json', import.meta.url), 'utf8'),
) as readonly Scenario[];

/** `PILOTHOUSE_ALL_SCENARIOS` plays all of them, otherwise the first of each family. */
const isAll = process.env['PILOTHOUSE_ALL_SCENARIOS'] !== undefined;
const firsts = new Map(scenarios.toReversed().map((scenario) => [scenario.f, scenario]));
const chosen = isAll ? scenarios : [...firsts.values()];

test('against a whole API server the decisions are the same', { timeout: 900_000 }, async () => {
  const found: Record<string, string> = {};
  for (const scenario of chosen) {
    await using stage = await serverStage();
    try {
      const different = differences(scenario, await play(scenario, stage));
      if (different.length > 0) found[scenario.id] = different.join('; ');
    } catch (error) {
      found[scenario.id] = String(error);
    }
  }
  expect(found).toEqual({});
});

test('what cannot be scheduled says why, in its condition', async () => {
  await using stage = await serverStage();
  const scenario = scenarios.find(({ id }) => id === 'fit-1001-0')!;
  await play(scenario, stage);
  const pod = (await stage.get('pods', 'ns-a/p1')) as Pod;
  expect(pod.status?.conditions).toEqual([
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message:
        '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, ' +
        'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
      lastProbeTime: null,
      lastTransitionTime: expect.any(String) as string,
      observedGeneration: 1,
    },
  ]);
});
