import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { startControllerManager } from '#main/control-plane/controller-manager/index.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { volumeAttributesClasses } from '#shared/api/storage/volume-attributes-class.ts';
import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import { silentLog as log } from '#shared/base/log.ts';
import { systemClock as clock } from '#shared/base/system-clock.ts';

const allowEverything: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ({ verdict: 'Allow', reason: '' }),
};

test('A class of volume attributes stays while a claim names it, and goes with the last one', async () => {
  await using cluster = await startTestCluster({
    security: () => ({ admission: admissionPlugins({ authorizer: allowEverything }) }),
  });
  const { admin } = cluster;
  await using _manager = startControllerManager({
    cluster: admin,
    clusterFor: () => admin,
    clock,
    log,
    caBundle: '',
    podRange: { podCidr: '10.244.0.0/16', nodeMask: 24 },
  });
  const claim = { namespace: 'default', name: 'data' };
  const spec = {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    storageClassName: 'none',
    volumeAttributesClassName: 'gold',
  } as PersistentVolumeClaim['spec'];
  const attributes = { driverName: 'd', parameters: { iops: '500' } };
  for (const name of ['gold', 'unused'])
    await admin.create(volumeAttributesClasses, { metadata: { name }, ...attributes });
  await admin.create(persistentVolumeClaims, { metadata: claim, spec });
  for (const name of ['gold', 'unused']) await admin.delete(volumeAttributesClasses, { name });

  const left = async (): Promise<string[]> =>
    (await admin.list(volumeAttributesClasses)).items.map(({ metadata }) => metadata.name);
  await expect.poll(left).toEqual(['gold']);
  await admin.delete(persistentVolumeClaims, claim);
  await expect.poll(left).toEqual([]);
});
