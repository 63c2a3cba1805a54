import { expect, test } from 'vitest';
import { ApiError } from '#shared/kube/errors.ts';
import { slowStart } from './pod-control.ts';

const ending = new ApiError('Forbidden', 'the namespace is being terminated', {
  causes: [{ type: 'NamespaceTerminating', field: '', message: '' }],
});
const refused = new ApiError('Forbidden', 'exceeded quota');

test.each([
  ['all of them where each works', [], 500, undefined],
  ['one where each is refused', Array.from({ length: 500 }, () => refused), 1, refused],
  [
    'one in a namespace that ends, which is no failure',
    Array.from({ length: 500 }, () => ending),
    1,
    undefined,
  ],
  ['a batch in which one is refused', [undefined, undefined, refused, ending], 3, refused],
])(
  'A slow start tries %s',
  async (_, errors: readonly (ApiError | undefined)[], tries, failure) => {
    let calls = 0;
    const outcome = await slowStart(500, async (at) => {
      calls++;
      if (errors[at]) throw errors[at];
    }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect([calls, outcome]).toEqual([tries, failure]);
  },
);
