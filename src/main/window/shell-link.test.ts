import * as v from 'valibot';
import { expect, test } from 'vitest';
import { createShellLink } from '#main/window/shell-link.ts';
import { call, stream } from '#shared/contract/contract.ts';
import type { FromControlPlane } from '#shared/contract/supervision.ts';

const contract = {
  double: call(v.number()).returns<number>(),
  forever: stream(v.strictObject({})).yields<string>(),
};

function setUp() {
  const said: FromControlPlane[] = [];
  const events: string[] = [];
  const link = createShellLink({
    send: (message) => said.push(message),
    onPower: (state) => events.push(state),
    onStop: () => events.push('stop'),
    onRefused: (why) => events.push(`refused ${why}`),
  });
  const handlers = {
    double: (value: number) => 2 * value,
    async *forever(_input: object, { signal }: { readonly signal: AbortSignal }) {
      yield 'first';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      events.push('aborted');
    },
  };
  const open = (): void => link.open(contract, handlers);
  const request = (window: number, method: string, input: unknown): void =>
    link.receive({
      type: 'frame',
      window,
      frame: JSON.stringify({ type: 'request', id: 1, method, input }),
    });
  return { link, said, events, open, request };
}

test('a window that asks before the cluster is ready is let in when it is, and told when it ends', async () => {
  const { link, said, events, open, request } = setUp();
  link.receive({ type: 'connect', window: 7 });
  expect(said).toEqual([]);
  open();
  request(7, 'double', 21);
  await expect.poll(() => said.length).toBe(3);
  link.close('bye');
  request(7, 'double', 1);
  expect(said).toEqual([
    { type: 'frame', window: 7, frame: { type: 'open' } },
    { type: 'frame', window: 7, frame: '{"type":"value","id":1,"value":42}' },
    { type: 'frame', window: 7, frame: '{"type":"end","id":1}' },
    { type: 'frame', window: 7, frame: { type: 'closed', why: 'bye' } },
  ]);
  expect(events).toEqual([]);
});

test('what a window asked for ends when it goes, and nothing more is sent to it', async () => {
  const { link, said, events, open, request } = setUp();
  open();
  link.receive({ type: 'connect', window: 1 });
  request(1, 'forever', {});
  await expect.poll(() => said.length).toBe(2);
  link.receive({ type: 'disconnect', window: 1 });
  await expect.poll(() => events).toEqual(['aborted']);
  expect(said).toHaveLength(2);
});

test('a port that is handed over is spoken through directly', async () => {
  const { link, said, open } = setUp();
  const heard: unknown[] = [];
  let deliver: (message: { readonly data: unknown }) => void = () => {};
  const port = {
    on: (event: string, listener: typeof deliver) =>
      event === 'message' ? (deliver = listener) : undefined,
    start: () => {},
    postMessage: (message: unknown) => heard.push(message),
    close: () => {},
  };
  open();
  link.receive({ type: 'connect', window: 1 }, [port]);
  deliver({ data: JSON.stringify({ type: 'request', id: 1, method: 'double', input: 2 }) });
  await expect.poll(() => heard.length).toBe(3);
  expect(heard[1]).toBe('{"type":"value","id":1,"value":4}');
  expect(said).toEqual([]);
});

test.each([
  ['no message at all', undefined],
  ['an unknown type', { type: 'reboot' }],
  ['a field too many', { type: 'stop', now: true }],
  ['a window that is no number', { type: 'connect', window: '1' }],
  ['a frame that is no text', { type: 'frame', window: 1, frame: { type: 'cancel', id: 1 } }],
  ['a frame too long', { type: 'frame', window: 1, frame: 'x'.repeat((4 << 20) + 1) }],
  ['a second connection', { type: 'connect', window: 1 }],
  ['a frame that is no JSON', { type: 'frame', window: 1, frame: '{' }],
  ['a frame of no known form', { type: 'frame', window: 1, frame: '{"type":"value","id":1}' }],
])('%s is refused', (_name, message) => {
  const { link, events, open } = setUp();
  open();
  link.receive({ type: 'connect', window: 1 });
  link.receive(message);
  expect(events).toEqual([expect.stringMatching(/^refused /)]);
});

test('power and stop reach the cluster', () => {
  const { link, events } = setUp();
  link.receive({ type: 'power', state: 'suspend' });
  link.receive({ type: 'power', state: 'resume' });
  link.receive({ type: 'stop' });
  expect(events).toEqual(['suspend', 'resume', 'stop']);
});
