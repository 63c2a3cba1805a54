import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { New } from '#shared/kube/object.ts';
import { agnhostImage, busyboxImage } from '../support/kubelet/images.ts';
import { mirrorView, observedNode } from '../kubelet-facts/node.ts';
import { startKubeletRig, type KubeletRig } from '../support/kubelet/rig.ts';

const minutes = 60_000;
const namespace = 'default';
const stays = "trap 'exit 0' TERM; sleep 3600 & wait";

let rig: KubeletRig;
let cluster: Cluster;
beforeAll(async () => {
  rig = await startKubeletRig();
  ({ cluster } = rig.controlPlane);
}, 5 * minutes);
afterAll(() => rig?.[Symbol.asyncDispose]());

function podOf(name: string, command: string, more: Partial<Pod['spec']> = {}): New<Pod> {
  return {
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'c', image: busyboxImage, command: ['sh', '-c', command], resources: {} },
      ],
      ...more,
    },
  };
}

async function find(name: string): Promise<Pod | undefined> {
  try {
    return await cluster.get(pods, { namespace, name });
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

const isReady = (pod: Pod | undefined): boolean =>
  pod?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
  false;

async function becomesReady(name: string): Promise<Pod> {
  await expect.poll(async () => isReady(await find(name)), { timeout: minutes }).toBe(true);
  return (await find(name))!;
}

async function isGone(name: string): Promise<void> {
  await expect.poll(async () => await find(name), { timeout: minutes }).toBeUndefined();
}

const containerIds = (pod: Pod): (string | undefined)[] =>
  (pod.status.containerStatuses ?? []).map(({ containerID }) => containerID);

test(
  'a kubelet that is started anew takes over what runs, and ends what was deleted meanwhile',
  async () => {
    await cluster.create(pods, podOf('kept', stays));
    await cluster.create(pods, podOf('unwanted', stays));
    const before = await becomesReady('kept');
    const unwanted = await becomesReady('unwanted');
    await rig.stopKubelet();
    await cluster.delete(pods, { namespace, name: 'unwanted' }, { gracePeriodSeconds: 0 });
    const { items } = await cluster.list(events, { namespace });
    await rig.startKubelet();
    const record = async (): Promise<string> => await readFile(rig.record, 'utf8');
    await expect.poll(record, { timeout: minutes }).toMatch(new RegExp(`stopPodSandbox[^\\n]*`));
    await expect
      .poll(async () => await rig.host.run('ls /var/lib/kubelet/pods'), { timeout: minutes })
      .not.toContain(unwanted.metadata.uid);
    const after = await becomesReady('kept');
    const later = await cluster.list(events, { namespace });
    const ofKept = (list: readonly { involvedObject: { name?: string } }[]): number =>
      list.filter(({ involvedObject }) => involvedObject.name === 'kept').length;
    expect([containerIds(after), ofKept(later.items)]).toEqual([
      containerIds(before),
      ofKept(items),
    ]);
    await cluster.delete(pods, { namespace, name: 'kept' });
    await isGone('kept');
  },
  3 * minutes,
);

test(
  'a static pod runs, is shown by a mirror that comes back, and ends with its file',
  async () => {
    const { staticPod: observed } = observedNode();
    const manifest = JSON.stringify(observed.manifest).replace('$BUSYBOX', busyboxImage);
    const file = rig.host.path('/var/lib/kubelet/manifests/stat.yaml');
    await writeFile(file, manifest);
    const name = `stat-${rig.nodeName}`;
    const mirror = await becomesReady(name);
    const { containers: _, ...spec } = observed.spec;
    const node = await cluster.get(nodes, { name: rig.nodeName });
    expect(mirrorView(mirror, node)).toEqual({
      metadata: observed.metadata,
      spec: { ...spec, hasVolumes: false },
      status: observed.status,
    });
    await cluster.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
    await expect
      .poll(async () => (await find(name))?.metadata.uid ?? mirror.metadata.uid, {
        timeout: minutes,
      })
      .not.toBe(mirror.metadata.uid);
    const back = await becomesReady(name);
    expect(containerIds(back)).toEqual(containerIds(mirror));
    await rm(file);
    await isGone(name);
  },
  3 * minutes,
);

test(
  'nothing is left of pods that are gone',
  async () => {
    await cluster.create(
      pods,
      podOf('traces', stays, { volumes: [{ name: 'm', emptyDir: { medium: 'Memory' } }] }),
    );
    const { metadata } = await becomesReady('traces');
    await cluster.delete(pods, { namespace, name: 'traces' });
    await isGone('traces');
    const traces = async (): Promise<string> =>
      await rig.host.run(
        `grep ${metadata.uid} /proc/self/mountinfo; find /sys/fs/cgroup /var/lib/kubelet/pods -name '*${metadata.uid}*' 2>/dev/null; true`,
      );
    await expect.poll(traces, { timeout: minutes }).toBe('');
  },
  2 * minutes,
);

test(
  'an image is a volume that nobody can change, and goes with its pod',
  async () => {
    const look =
      "ls -d /image/agnhost /part/busybox; touch /image/x; grep -o ' /image [a-z0-9]* r[ow][,a-z]*' /proc/mounts";
    const made = podOf('image-volume', `{ ${look}; } 2>&1; ${stays}`, {
      volumes: [{ name: 'v', image: { reference: agnhostImage } }],
    });
    const [container] = made.spec!.containers;
    const volumeMounts = [
      { name: 'v', mountPath: '/image' },
      { name: 'v', mountPath: '/part', subPath: 'usr/bin' },
    ];
    const spec = { ...made.spec!, containers: [{ ...container!, volumeMounts }] };
    await cluster.create(pods, { ...made, spec });
    const { metadata } = await becomesReady('image-volume');
    const log = `/var/log/pods/${namespace}_image-volume_${metadata.uid}/c/0.log`;
    const said = async (): Promise<string> =>
      (await rig.host.run(`cat ${log}`)).replaceAll(/^\S+ \S+ F /gm, '');
    await expect
      .poll(said, { timeout: minutes })
      .toMatch(
        /^\/image\/agnhost\n\/part\/busybox\ntouch: \/image\/x: Read-only file system\n \/image \w+ ro,/,
      );
    await cluster.delete(pods, { namespace, name: 'image-volume' });
    await isGone('image-volume');
    const left = async (): Promise<string> =>
      await rig.host.run(`grep ${metadata.uid} /proc/self/mountinfo; true`);
    await expect.poll(left, { timeout: minutes }).toBe('');
  },
  2 * minutes,
);

test(
  'an image that cannot be had keeps the container that mounts it waiting',
  async () => {
    const made = podOf('no-image', stays, {
      volumes: [{ name: 'v', image: { reference: 'registry.test/none:1', pullPolicy: 'Never' } }],
    });
    const [container] = made.spec!.containers;
    const volumeMounts = [{ name: 'v', mountPath: '/image' }];
    const spec = { ...made.spec!, containers: [{ ...container!, volumeMounts }] };
    await cluster.create(pods, { ...made, spec });
    const reason = async (): Promise<string | undefined> =>
      (await find('no-image'))?.status.containerStatuses?.[0]?.state.waiting?.reason;
    await expect.poll(reason, { timeout: minutes }).toBe('ErrImageNeverPull');
    await cluster.delete(pods, { namespace, name: 'no-image' });
    await isGone('no-image');
  },
  2 * minutes,
);

test(
  'a reboot starts pods again',
  async () => {
    await cluster.create(pods, podOf('again', stays));
    const before = await becomesReady('again');
    await rig.host.powerCut();
    await rig.host.start();
    await rig.host.run('echo 1 >/proc/sys/net/ipv4/ip_forward');
    await rig.startKubelet();
    await vi.waitFor(
      async () => {
        const pod = await find('again');
        expect([isReady(pod), pod?.status.containerStatuses?.[0]?.restartCount]).toEqual([true, 1]);
        expect(containerIds(pod!)).not.toEqual(containerIds(before));
      },
      { timeout: 2 * minutes, interval: 500 },
    );
  },
  4 * minutes,
);
