import type { PodInfo } from '../pod-info.ts';
import { plugin, type PluginFactory } from '../plugin.ts';
import { imageNames, type Snapshot } from '../snapshot.ts';
import { maxNodeScore } from './normalize.ts';
import { names } from './names.ts';

const megabyte = 1024 * 1024;
const lowest = 23 * megabyte;
const highestPerContainer = 1000 * megabyte;

/** Prefers nodes that have the pod's images, and large ones that are on many nodes more. */
export const imageLocality: PluginFactory = {
  name: names.imageLocality,
  create: ({ snapshot }) => {
    const reported = new WeakMap<object, ReadonlySet<string>>();
    return plugin({
      name: names.imageLocality,
      score(_state, { pod, nodes }, scores) {
        scores.fill(0);
        const wanted = wantedImages(pod).filter((name) => snapshot.images.has(name));
        if (wanted.length === 0) return;
        const { initContainers = [], containers } = pod.pod.spec;
        const highest = highestPerContainer * (initContainers.length + containers.length);
        for (const [index, { node }] of nodes.entries()) {
          const images = node?.status?.images;
          if (!node || !images) continue;
          let present = reported.get(images);
          if (!present) reported.set(images, (present = imageNames(node)));
          let sum = 0;
          for (const name of wanted) if (present.has(name)) sum += spreadSize(snapshot, name);
          const bounded = Math.min(Math.max(sum, lowest), highest);
          scores[index] = Math.trunc((maxNodeScore * (bounded - lowest)) / (highest - lowest));
        }
      },
    });
  },
};

/** The size weighed by how widespread the image is, so that one node does not draw all pods. */
function spreadSize(snapshot: Snapshot, name: string): number {
  const state = snapshot.images.get(name);
  if (!state) return 0;
  return Math.trunc(state.size * (state.nodes / snapshot.nodes().length));
}

function wantedImages({ pod: { spec } }: PodInfo): readonly string[] {
  const wanted: string[] = [];
  for (const { image } of spec.initContainers ?? []) wanted.push(normalized(image ?? ''));
  for (const { image } of spec.containers) wanted.push(normalized(image ?? ''));
  for (const { image } of spec.volumes ?? [])
    if (image) wanted.push(normalized(image.reference ?? ''));
  return wanted;
}

/** A name without a tag means `latest`. */
function normalized(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
