import { expect, test } from 'vitest';
import type { PodStatus } from '#shared/api/types/core-v1.ts';
import { wasToldGood } from './results.ts';

function told(ready: boolean, isPodReady: boolean): PodStatus {
  const own = { name: 'c', image: '', imageID: '', restartCount: 0, state: {}, lastState: {} };
  return {
    conditions: [{ type: 'Ready', status: isPodReady ? 'True' : 'False' }],
    containerStatuses: [{ ...own, containerID: 'containerd://one', started: true, ready }],
  };
}

test.each([
  {
    what: 'a ready container',
    status: told(true, true),
    id: 'one',
    startup: true,
    readiness: true,
  },
  {
    what: 'one that was not',
    status: told(false, false),
    id: 'one',
    startup: true,
    readiness: false,
  },
  {
    what: 'one of a silent node',
    status: told(true, false),
    id: 'one',
    startup: true,
    readiness: false,
  },
  { what: 'its successor', status: told(true, true), id: 'two', startup: false, readiness: false },
])('what was told of $what holds after a restart of the kubelet', ({ status, id, ...wanted }) => {
  const [startup, readiness] = [
    wasToldGood(status, 'startup', id),
    wasToldGood(status, 'readiness', id),
  ];
  expect({ startup, readiness }).toMatchObject({
    startup: wanted.startup,
    readiness: wanted.readiness,
  });
});
