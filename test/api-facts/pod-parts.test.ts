import { expect, it } from 'vitest';
import { validateEphemeralContainersUpdate, validateResize } from '#shared/api/core/pod/parts.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { prepareNew, resourceAt } from './in-process.ts';

const old = podWith({ cpu: '1' });

function podWith(requests: Record<string, string>, others: Record<string, unknown> = {}): Pod {
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...others },
  };
  const pod = prepareNew(resourceAt('v1/pods'), body, 'facts') as unknown as Pod;
  const metadata = { ...pod.metadata, resourceVersion: '7' };
  return { ...pod, metadata };
}

const fieldsOf = (errors: Iterable<{ readonly field: string }>): string[] =>
  Array.from(errors, ({ field }) => field);

it('resizes cpu and memory only, and keeps what is requested', () => {
  expect(fieldsOf(validateResize(podWith({ cpu: '2' }), old))).toEqual([]);
  expect(fieldsOf(validateResize(podWith({ memory: '1Mi' }), old))).toEqual([
    'spec.containers[0].resources.requests',
  ]);
  const withStorage = podWith({ cpu: '1', 'ephemeral-storage': '1Gi' });
  expect(fieldsOf(validateResize(withStorage, old))).toEqual(['spec']);
});

it('adds ephemeral containers that are sound', () => {
  const debug = { name: 'd', image: 'i' };
  const sound = podWith({ cpu: '1' }, { ephemeralContainers: [debug] });
  expect(fieldsOf(validateEphemeralContainersUpdate(sound, old))).toEqual([]);
  expect(fieldsOf(validateEphemeralContainersUpdate(old, sound))).toEqual([
    'spec.ephemeralContainers',
  ]);
  const unsound = podWith({ cpu: '1' }, { ephemeralContainers: [{ ...debug, image: '' }] });
  expect(fieldsOf(validateEphemeralContainersUpdate(unsound, old))).toEqual([
    'spec.ephemeralContainers[0].image',
  ]);
});
