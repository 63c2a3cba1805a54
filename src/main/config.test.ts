import { homedir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '#main/config.ts';

const environment = { PILOTHOUSE_HOME: '/home' };
const parse = (line: string) => parseCommand(line.split(' ').filter(Boolean), environment);

test('up has a default for everything', () => {
  expect(parse('up')).toEqual({
    type: 'up',
    home: '/home',
    name: 'default',
    dataDir: undefined,
    port: undefined,
    etcdPort: undefined,
    bindAddress: '127.0.0.1',
    simulatedNodes: undefined,
    etcd: undefined,
    window: true,
    logLevel: 'warn',
    knownHosts: [`${homedir()}/.ssh/known_hosts`, '/etc/ssh/ssh_known_hosts'],
    sshKeys: { agent: undefined, keyFolder: `${homedir()}/.ssh` },
  });
});

test('up takes what it is told', () => {
  const line =
    'up --name lab --data-dir /data --port 7443 --etcd-port 0 --simulated-nodes 5 --no-window --etcd-endpoints https://a:2379,https://b:2379 --etcd-cacert /ca --log-level info';
  expect(parse(line)).toMatchObject({
    name: 'lab',
    dataDir: '/data',
    port: 7443,
    etcdPort: 0,
    simulatedNodes: 5,
    window: false,
    etcd: { endpoints: ['https://a:2379', 'https://b:2379'], authority: '/ca' },
    logLevel: 'info',
  });
});

describe('every command', () => {
  test.each([
    ['', { type: 'help', topic: '' }],
    ['up --help', { type: 'help', topic: 'up' }],
    ['snapshot restore -h', { type: 'help', topic: 'snapshot' }],
    ['status -o json', { type: 'status', name: 'default', json: true }],
    ['down --name lab', { type: 'down', name: 'lab', json: false }],
    ['kubeconfig', { type: 'kubeconfig', mergeInto: undefined }],
    ['version', { type: 'version', json: false }],
    ['snapshot save', { type: 'snapshot', action: 'save', file: undefined }],
    ['snapshot verify /x.db', { type: 'snapshot', action: 'verify', file: '/x.db' }],
  ])('%s', (line, command) => {
    expect(parse(line)).toMatchObject(command);
  });

  test.each([
    ['fly', 'unknown command "fly"'],
    ['up --port 0', '--port must be a number from 1 to 65535, not "0"'],
    ['up --wings', "Unknown option '--wings'"],
    ['up extra', "Unexpected argument 'extra'"],
    ['status extra', 'unexpected argument "extra"'],
    ['status -o yaml', '--output must be one of json, not "yaml"'],
    ['snapshot', 'snapshot must be one of save, list, status, verify, restore, not ""'],
    ['snapshot status', '"snapshot status" needs a file'],
  ])('%s is refused', (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });
});

test('the file to merge into is the first of KUBECONFIG', () => {
  const own = { ...environment, KUBECONFIG: '/mine:/other' };
  expect(parseCommand(['kubeconfig', '--merge'], own)).toMatchObject({ mergeInto: '/mine' });
});
