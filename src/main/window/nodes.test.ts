import { expect, test } from 'vitest';
import { nodeHandlers, type Dialogue, type NodeServices } from '#main/window/nodes.ts';
import type { AddNodeEvent, NodeMachine } from '#shared/contract/nodes.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

const id = '6f2f3d0e-6d0b-4c6d-8a53-0e6a3c7d1b11';
const wanted = { id, machine: { type: 'local' as const } };
const services: NodeServices = {
  addNode: async () => {},
  removeNode: async () => {},
  addSimulated: () => Promise.resolve([]),
  machines: () => [],
  clock: new FakeClock(),
};
const context = (signal = new AbortController().signal) => ({ signal });

test('a machine is added in questions and answers, and not before its plan is approved', async () => {
  const seen: AddNodeEvent[] = [];
  let got: unknown;
  const handlers = nodeHandlers({
    ...services,
    async addNode({ machine }, { questions, tell, approval }) {
      const isTrusted = await questions.confirm('Is that right?');
      const password = await questions.secret('Password: ');
      got = { machine, isTrusted, password };
      tell({ type: 'plan', steps: [{ step: 'agent', changes: ['send it'] }] });
      await approval();
      tell({ type: 'done', node: 'a', removal: 'pilothouse node remove a' });
    },
  });
  for await (const event of handlers.addNode(wanted, context())) {
    seen.push(event);
    if (event.type === 'question') {
      const answer = event.kind === 'confirm' ? true : 'not told to anybody';
      await handlers.answerNodeQuestion({ id, question: event.id, answer }, context());
    }
    if (event.type === 'plan') await handlers.approveNodePlan({ id }, context());
  }
  expect(seen.map(({ type }) => type)).toEqual(['question', 'question', 'plan', 'done']);
  expect(JSON.stringify(seen)).not.toContain('not told');
  expect(got).toEqual({
    machine: { type: 'local' },
    isTrusted: true,
    password: 'not told to anybody',
  });
  expect(() => handlers.approveNodePlan({ id }, context())).toThrow(/begin again/);
});

test('who leaves ends what waits for an answer; what goes wrong is told', async () => {
  const leave = new AbortController();
  let ended: unknown;
  const handlers = nodeHandlers({
    ...services,
    addNode: async (_wanted, { questions }: Dialogue<AddNodeEvent>) => {
      try {
        await questions.secret('Password: ');
      } catch (error) {
        ended = error;
        throw error;
      }
    },
  });
  const adding = (async () => {
    for await (const _event of handlers.addNode(wanted, context(leave.signal)))
      leave.abort(new Error('enough'));
  })();
  await expect(adding).rejects.toThrow('enough');
  expect(ended).toMatchObject({ message: 'enough' });
});

test('machines are told of at once, and again when one is not as it was', async () => {
  const clock = new FakeClock();
  let tunnel = 'connected';
  const machines = (): readonly NodeMachine[] => [{ node: 'a', machine: 'local', tunnel }];
  const handlers = nodeHandlers({ ...services, machines, clock });
  const leave = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const [one] of handlers.machines({}, context(leave.signal))) seen.push(one!.tunnel);
  })();
  await clock.advance(2_000);
  expect(seen).toEqual(['connected']);
  tunnel = 'waiting';
  await clock.advance(1_000);
  expect(seen).toEqual(['connected', 'waiting']);
  leave.abort(new Error('enough'));
  await expect(watching).rejects.toThrow('enough');
});
