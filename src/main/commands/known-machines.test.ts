import { expect, test } from 'vitest';
import { KnownMachines } from './known-machines.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

test('A machine is known by its record, with since when its tunnel stands, until it is removed', async () => {
  const clock = new FakeClock(1000);
  const machines = new KnownMachines(clock);
  const told: string[] = [];
  using _listening = machines.subscribe((name) => told.push(name));
  machines.put({
    name: 'pi',
    id: '1',
    machine: { type: 'ssh', user: 'u', host: '192.0.2.7', port: 22 },
  });
  const addresses = [
    { type: 'InternalIP', address: '192.0.2.7' },
    { type: 'Hostname', address: 'pi' },
  ];
  const unreached = { name: 'pi', id: '1', addresses, state: 'running' };
  expect(machines.find('pi')).toEqual(unreached);
  await clock.advance(500);
  machines.entered('pi', { phase: 'connecting' });
  machines.entered('pi', { phase: 'connected', since: 7 });
  machines.entered('pi', { phase: 'connected', since: 8 });
  expect(machines.find('pi')).toEqual({ ...unreached, connectedSince: 1500 });
  machines.entered('pi', { phase: 'waiting', why: 'cable' });
  expect(machines.find('pi')).toEqual(unreached);
  machines.remove('pi');
  expect(machines.find('pi')).toBeUndefined();
  expect(told).toEqual(['pi', 'pi', 'pi', 'pi']);
});

test('A machine that was added by a name, or is this one, has a host name only', () => {
  const machines = new KnownMachines(new FakeClock());
  machines.put({
    name: 'a',
    id: '1',
    machine: { type: 'ssh', user: 'u', host: 'a.lan', port: 22 },
  });
  machines.put({ name: 'b', id: '2', machine: { type: 'local' } });
  const hostName = (address: string): object[] => [{ type: 'Hostname', address }];
  expect(machines.find('a')?.addresses).toEqual(hostName('a'));
  expect(machines.find('b')?.addresses).toEqual(hostName('b'));
});
