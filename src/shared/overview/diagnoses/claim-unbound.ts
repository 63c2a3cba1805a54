import { keyOf } from '#shared/kube/object.ts';
import type { Diagnosis } from './diagnosis.ts';

export const claimUnbound: Diagnosis = {
  name: 'claim without a volume',
  applicable: ({ claims }) => claims.length > 0,
  check: ({ claims, pods }) =>
    claims.flatMap(({ metadata, spec, status }) => {
      const isLost = status?.phase === 'Lost';
      if (status?.phase !== 'Pending' && !isLost) return [];
      const { namespace, name } = metadata;
      const users = pods.filter(
        (pod) =>
          pod.metadata.namespace === namespace &&
          pod.spec.volumes?.some(({ persistentVolumeClaim: claim }) => claim?.claimName === name),
      );
      // Nobody waits: with WaitForFirstConsumer that is how it should be.
      if (users.length === 0 && !isLost) return [];
      const about = keyOf(metadata);
      const { storageClassName } = spec;
      return [
        {
          id: `claim ${about}`,
          what: isLost ? `${about} has lost its volume` : `${about} has no volume yet`,
          why: isLost
            ? `the volume ${spec.volumeName ?? ''} that it was bound to is gone`
            : `${storageClassName ? `storage class ${storageClassName}` : 'it names no storage class, and no free volume'} has given it none, and ${users.length} ${users.length === 1 ? 'pod waits' : 'pods wait'} for it`,
          cost: 200 + users.length,
          about,
        },
      ];
    }),
  fixes: ({ about }) => [
    { title: `Open ${about}`, section: 'storage', kind: 'persistentvolumeclaims', object: about },
    {
      title: 'Look at the storage classes',
      section: 'storage',
      kind: 'storageclasses.storage.k8s.io',
      object: '',
    },
  ],
};
