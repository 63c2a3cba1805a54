import { expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { container, pod } from '../../../../test/support/kubelet/pods.ts';
import { securityContext } from './security-context.ts';

const sources = { image: undefined, folder: '/var/lib/kubelet', extraGroups: [] };
const ofPod = (securityContext_: Pod['spec']['securityContext']): Pod =>
  pod({ ...(securityContext_ && { securityContext: securityContext_ }) });

test.each([
  ['the pod says', ofPod({ seLinuxOptions: { level: 's0:c1' } }), {}, { level: 's0:c1' }],
  [
    'the container says, whatever the pod does',
    ofPod({ seLinuxOptions: { level: 's0:c1' } }),
    { securityContext: { seLinuxOptions: { type: 'spc_t' } } },
    { type: 'spc_t' },
  ],
  ['nobody says', ofPod(undefined), {}, undefined],
])('a container gets the SELinux options that %s', (_who, owner, more, expected) => {
  const { selinuxOptions } = securityContext(owner, container('c', more), sources);
  expect(selinuxOptions).toEqual(expected);
});
