import { expect, test } from 'vitest';
import { inspect } from '#main/provision/facts.ts';
import type { Machine } from '#main/provision/machine.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

test.each([
  { what: 'right', aheadMs: 0, found: 0 },
  { what: 'ten minutes ahead', aheadMs: 600_000, found: 600_000 },
  { what: 'ten minutes behind', aheadMs: -600_000, found: -599_000 },
])(
  'a clock that is $what is found to be so, however long the machine takes to answer',
  async ({ aheadMs, found }) => {
    const clock = new FakeClock();
    const machine: Machine = {
      name: 'slow',
      async execute() {
        await clock.advance(1000); // logging in
        const begin = clock.now() + aheadMs;
        await clock.advance(20_000); // looking
        const end = clock.now() + aheadMs;
        const out = `@@clock\n${begin}\n@@machine\nx86_64\n@@clock at the end\n${end}\n`;
        return { code: 0, out, err: '' };
      },
    };
    const { clockAheadMs } = await inspect(machine, { clock, packages: [] });
    expect(clockAheadMs).toBe(found);
  },
);
