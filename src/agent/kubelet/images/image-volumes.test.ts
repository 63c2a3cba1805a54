import { expect, test } from 'vitest';
import { container, pod } from '../../../../test/support/kubelet/pods.ts';
import type { StartParts, StartTarget } from '../containers/start.ts';
import { canMountImages } from '../node/runtime-info.ts';
import { imageVolumes } from './image-volumes.ts';
import type { PullRequest } from './puller.ts';

test.each([
  ['containerd', '1.6.20~ds1', false],
  ['containerd', '2.0.5', false],
  ['containerd', '2.1.0-beta', true],
  ['containerd', '3.0.0', true],
  ['cri-o', '1.31.0', true],
])('%s %s mounts images by itself: %s', (name, runtimeVersion, expected) => {
  expect(canMountImages({ name, runtimeVersion })).toBe(expected);
});

test.each([
  ['the runtime mounts it', true, [['v', { image: 'sha256:1', userSpecifiedImage: 'data:1' }]], []],
  ['it is mounted for the runtime', false, [], ['v sha256:1']],
])('an image that a container mounts is pulled by its own policy, and %s', async (...row) => {
  const [, canMount, expected, expectedMounts] = row;
  const pulled: Pick<PullRequest, 'named' | 'policy' | 'fieldPath'>[] = [];
  const mounted: string[] = [];
  const parts = {
    puller: {
      async ensure({ named, policy, fieldPath }: PullRequest) {
        pulled.push({ named, policy, fieldPath });
        return { id: 'sha256:1' };
      },
    },
    volumes: {
      mountImage: async (_: unknown, name: string, id: string) =>
        void mounted.push(`${name} ${id}`),
    },
    canMountImages: () => canMount,
  } as unknown as StartParts;
  const own = container('c', {
    volumeMounts: [
      { name: 'v', mountPath: '/a' },
      { name: 'v', mountPath: '/b', subPath: 'x' },
      { name: 'other', mountPath: '/c' },
    ],
  });
  const target = {
    pod: pod({
      volumes: [
        { name: 'v', image: { reference: 'data:1', pullPolicy: 'Never' } },
        { name: 'other', emptyDir: {} },
        { name: 'unused', image: { reference: 'unused:1' } },
      ],
    }),
  } as StartTarget;
  const found = await imageVolumes(own, target, parts);
  expect(pulled).toEqual([{ named: 'data:1', policy: 'Never', fieldPath: undefined }]);
  expect([...found]).toEqual(
    expected.map(([name, image]) => [name, { ...(image as object), annotations: {} }]),
  );
  expect(mounted).toEqual(expectedMounts);
});
