import { expect, test } from 'vitest';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { labels } from './containers/labels.ts';
import { RuntimeState } from './runtime-state.ts';

/** A runtime that has one container in each pod named; those in `failing` cannot be asked about. */
function runtimeOf(states: Map<string, number>, failing: ReadonlySet<string>): ContainerRuntime {
  const containers = (): object[] =>
    [...states].map(([id, state]) => ({
      id,
      state,
      podSandboxId: `${id}-sandbox`,
      labels: { [labels.podUid]: id, [labels.podName]: id },
    }));
  const calls = {
    listPodSandbox: async () => ({ items: [] }),
    listContainers: async () => ({ containers: containers() }),
    containerStatus: async ({ containerId }: { containerId: string }) => {
      if (failing.has(containerId)) throw new Error('containerd is being started');
      return { status: { id: containerId, state: states.get(containerId), createdAt: 1n } };
    },
  };
  return calls as unknown as ContainerRuntime;
}

test('a pod that could not be looked at is looked at again, and keeps no other from being seen', async () => {
  const clock = new FakeClock();
  const states = new Map([
    ['a', 1],
    ['b', 1],
  ]);
  const failing = new Set<string>();
  const changed: string[] = [];
  await using state = new RuntimeState({
    runtime: runtimeOf(states, failing),
    clock,
    log: silentLog,
    changed: (uid) => changed.push(uid),
  });
  await state.start();
  changed.length = 0;
  const stateOf = (uid: string): unknown => state.pod(uid)?.containers[0]?.state;

  failing.add('a');
  states.set('a', 2).set('b', 2);
  await clock.advance(1000);
  expect({ changed, a: stateOf('a'), b: stateOf('b') }).toEqual({ changed: ['b'], a: 1, b: 2 });

  failing.clear();
  await clock.advance(1000);
  expect({ changed, a: stateOf('a') }).toEqual({ changed: ['b', 'a'], a: 2 });
});
