import { expect, test } from 'vitest';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { pod, runtimePod } from '../../../../test/support/kubelet/pods.ts';
import type { KubeletContext } from '../context.ts';
import type { RuntimeState } from '../runtime-state.ts';
import { ImageGarbage } from './image-garbage.ts';

function image(name: string, more: object = {}) {
  return { id: `sha256:${name}`, repoTags: [`${name}:1`], repoDigests: [], size: 10, ...more };
}

test('unused images go, but for the sandboxes’ own, pinned ones, pods’ volumes and those that have just come', async () => {
  const clock = new FakeClock();
  let images = [
    image('image'),
    image('pause'),
    image('pinned', { pinned: true }),
    image('unused'),
    image('volume'),
    image('old'),
  ];
  const runtime = {
    listImages: async () => ({ images }),
    imageStatus: async ({ image: { image: name } }: { image: { image: string } }) => ({
      image: images.find(({ repoTags }) => repoTags.includes(name)),
    }),
    status: async () => ({ info: { config: JSON.stringify({ sandboxImage: 'pause:1' }) } }),
    async removeImage({ image: { image: id } }: { image: { image: string } }) {
      images = images.filter((one) => one.id !== id);
    },
  };
  const context = { clock, runtime, log: silentLog } as unknown as KubeletContext;
  const pods = [runtimePod([{ name: 'c', state: 'exited' }])];
  const state = { pods: () => pods.values() } as unknown as RuntimeState;
  const shows = pod({ volumes: [{ name: 'v', image: { reference: 'volume:1' } }] });
  const garbage = new ImageGarbage(context, state, () => [shows]);

  await garbage.removeUnused();
  expect(images).toHaveLength(6);
  await clock.advance(120_000);
  images.push(image('new'));
  await garbage.removeUnused();
  expect(images.map(({ id }) => id)).toEqual(
    ['image', 'pause', 'pinned', 'volume', 'new'].map((name) => `sha256:${name}`),
  );
});
