import { duplexPair, type Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { greetingLine } from '#agent/tunnel/greeting.ts';
import { Multiplexer } from '#agent/tunnel/multiplexer.ts';
import { NodeTunnel, type NodeTunnelOptions } from '#main/provision/tunnel/node-tunnel.ts';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock, settle } from '../../../../test/support/fake-clock.ts';

class Refused extends Error {}

interface Way extends Disposable {
  readonly cable: Duplex;
}

/** A machine whose agent echoes; what is said of it is what attaching to it does. */
class Machine {
  readonly ways: Way[] = [];
  node = 'one';
  failure: Error | undefined;
  isMute = false;

  attach: NodeTunnelOptions['attach'] = async () => {
    if (this.failure) throw this.failure;
    const [near, far] = duplexPair();
    if (!this.isMute) far.write(greetingLine({ node: this.node }));
    const agent = this.isMute
      ? undefined
      : new Multiplexer({
          transport: far,
          end: 'node',
          onRequest(request) {
            if (JSON.stringify(request.wanted).includes('10250')) {
              const stream = request.accept();
              stream.pipe(stream);
            } else request.refuse('connect ECONNREFUSED');
          },
        });
    this.ways.push({ cable: near, [Symbol.dispose]: () => agent?.[Symbol.dispose]() });
    return { stream: near, complaint: () => '', async [Symbol.asyncDispose]() {} };
  };
}

function tunnelTo(machine: Machine, clock: FakeClock): NodeTunnel {
  return new NodeTunnel({
    node: 'one',
    clock,
    log: silentLog,
    attach: machine.attach,
    isFinal: (error) => error instanceof Refused,
    onApiRequest: (request) => request.refuse('no API here'),
    random: () => 1,
  });
}

test('streams reach addresses on the node, and failures say which', async () => {
  await using tunnel = tunnelTo(new Machine(), new FakeClock());
  await tunnel.connected();
  const stream = await tunnel.dial({ host: '127.0.0.1', port: 10_250 });
  stream.end('hello');
  expect(await text(stream)).toBe('hello');
  await expect(tunnel.dial({ host: '10.244.0.3', port: 80 })).rejects.toMatchObject({
    reason: 'ServiceUnavailable',
    message: 'Cannot reach node one: 10.244.0.3:80: connect ECONNREFUSED',
  });
});

test('a lost tunnel is opened again, sooner at first, later when it keeps failing', async () => {
  const [machine, clock] = [new Machine(), new FakeClock()];
  await using tunnel = tunnelTo(machine, clock);
  await tunnel.connected();
  machine.failure = new Error('no route to host');
  machine.ways[0]!.cable.destroy(new Error('cable pulled'));
  await settle();
  expect(tunnel.state).toEqual({ phase: 'waiting', why: 'cable pulled' });
  await expect(tunnel.dial({ host: '127.0.0.1', port: 10_250 })).rejects.toThrow(
    'Cannot reach node one: cable pulled',
  );
  await clock.advance(500);
  expect(tunnel.state).toEqual({ phase: 'waiting', why: 'no route to host' });
  await clock.advance(999);
  machine.failure = undefined;
  expect(tunnel.state.phase).toBe('waiting');
  await clock.advance(1);
  await tunnel.connected();
  expect(machine.ways).toHaveLength(2);
});

test('an agent that stops answering is given up after fifteen seconds', async () => {
  const [machine, clock] = [new Machine(), new FakeClock()];
  await using tunnel = tunnelTo(machine, clock);
  await tunnel.connected();
  machine.ways[0]!.cable.pause();
  await clock.advance(10_000);
  await clock.advance(5_000);
  await settle();
  expect(tunnel.state).toMatchObject({ phase: 'waiting' });
  await clock.advance(500);
  await tunnel.connected();
});

test('a refused login stops it, and says why', async () => {
  const machine = new Machine();
  machine.failure = new Refused('the key of the machine has changed');
  await using tunnel = tunnelTo(machine, new FakeClock());
  await expect(tunnel.connected()).rejects.toThrow('the key of the machine has changed');
  expect(tunnel.state).toEqual({ phase: 'stopped', why: 'the key of the machine has changed' });
});

test('another node at that address is not taken for this one', async () => {
  const machine = new Machine();
  machine.node = 'two';
  await using tunnel = tunnelTo(machine, new FakeClock());
  await settle();
  expect(tunnel.state).toMatchObject({ why: expect.stringContaining('is node two now, not one') });
});

test('a wait ends at once when woken', async () => {
  const machine = new Machine();
  machine.failure = new Error('asleep');
  await using tunnel = tunnelTo(machine, new FakeClock());
  await settle();
  machine.failure = undefined;
  tunnel.wake();
  await tunnel.connected();
  expect(tunnel.state.phase).toBe('connected');
});
