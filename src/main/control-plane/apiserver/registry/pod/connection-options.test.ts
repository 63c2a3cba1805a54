import { expect, test } from 'vitest';
import { connectionOptions } from './connection-options.ts';

test.each([
  [
    'attach',
    'stdin=1&stdout=true&stderr=false&container=c',
    { stdin: true, stdout: true, container: 'c' },
  ],
  [
    'exec',
    'command=sh&command=-c&command=true&tty=true',
    { tty: true, command: ['sh', '-c', 'true'] },
  ],
  ['exec', '', {}],
  ['portforward', 'ports=80&ports=443', { ports: [80, 443] }],
  ['portforward', '', {}],
])('%s with "%s" is what its options say', (subresource, search, expected) => {
  const query = Object.fromEntries(new URLSearchParams(search));
  expect(connectionOptions({ subresource, search, query })).toEqual(expected);
});
