import { expect, test } from 'vitest';
import { apply, machineOf, newAdding } from './adding.ts';

test.each([
  ['root@10.0.0.5', { user: 'root', host: '10.0.0.5', port: 22 }],
  ['ssh://me@box.local:2222', { user: 'me', host: 'box.local', port: 2222 }],
  ['me@[fd00::1]:22', { user: 'me', host: 'fd00::1', port: 22 }],
  ['box', 'Write it as user@host, or user@host:port'],
  ['me:secret@box', 'Write it as user@host, or user@host:port'],
  ['me@box:99999', 'A port is a number from 1 to 65535'],
])('“%s” is understood', (text, machine) => {
  expect(machineOf(text)).toEqual(machine);
});

test('steps fold one after another, each with what it said', () => {
  const adding = newAdding();
  apply(adding, { type: 'question', id: 1, kind: 'confirm', text: 'Is that right?' });
  expect(adding.stage).toBe('key');
  apply(adding, { type: 'entered' });
  expect([adding.stage, adding.question]).toEqual(['checks', undefined]);
  apply(adding, { type: 'plan', steps: [{ step: 'agent', changes: ['send it'] }] });
  apply(adding, { type: 'step', step: 'agent', state: 'running', text: '40 %' });
  apply(adding, { type: 'step', step: 'agent', state: 'done', text: '' });
  expect(adding).toMatchObject({
    stage: 'run',
    steps: [{ step: 'agent', state: 'done', output: ['40 %'] }],
  });
  apply(adding, { type: 'done', node: 'a', removal: 'pilothouse node remove a' });
  expect(adding.stage).toBe('done');
});
