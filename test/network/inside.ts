import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { framed, frames } from '#agent/dns/tcp-frames.ts';
import type { AgentSettings } from '#agent/settings.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { AgentInside, type PartName } from './agent-inside.ts';

/** What the process inside a namespace can be asked to do. */
export type Question =
  /** Answers on these ports with its name and who asked. */
  | {
      readonly do: 'serve';
      readonly name: string;
      readonly protocol: 'tcp' | 'udp';
      readonly port: number;
    }
  | {
      readonly do: 'connect';
      readonly protocol: 'tcp' | 'udp';
      readonly ip: string;
      readonly port: number;
      readonly timeoutMs: number;
      /** The port to ask from. */
      readonly from?: number;
    }
  /** Sends one message, in base64, and hands back what is answered. */
  | {
      readonly do: 'exchange';
      readonly protocol: 'tcp' | 'udp';
      readonly ip: string;
      readonly port: number;
      readonly message: string;
    }
  | { readonly do: 'get'; readonly url: string }
  | {
      readonly do: 'start';
      readonly parts: readonly PartName[];
      readonly settings: AgentSettings;
      readonly objects: Objects;
    }
  | { readonly do: 'put'; readonly objects: Objects }
  /** As a kubelet says when a pod's sandbox has its addresses. */
  | { readonly do: 'podStarted'; readonly pod: Pod; readonly addresses: readonly string[] }
  | { readonly do: 'remove'; readonly plural: string; readonly key: string }
  | { readonly do: 'stop' }
  /** Stops, and takes away all that the parts have set up. */
  | { readonly do: 'clean' };

/** Objects by the plural of their kind. */
export type Objects = Readonly<Record<string, readonly KubeObject[]>>;

/** How an attempt to connect ended. */
export type Outcome =
  | { readonly result: 'ok'; readonly name: string; readonly source: string }
  | { readonly result: 'refused' | 'timeout' };

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

const agent = new AgentInside();

process.on('message', ({ id, ...question }: Question & { id: number }) => {
  answer(question as Question).then(
    (value) => process.send?.({ id, value }),
    (error: Error) => process.send?.({ id, error: error.stack ?? error.message }),
  );
});
process.on('disconnect', () => void agent.stop().then(() => process.exit(0)));

async function answer(question: Question): Promise<unknown> {
  if (question.do === 'connect') {
    return question.protocol === 'tcp' ? connectTcp(question) : askUdp(question);
  }
  if (question.do === 'exchange') return exchange(question);
  if (question.do === 'get') {
    const response = await fetch(question.url);
    const headers = Object.fromEntries(response.headers);
    return { status: response.status, headers, body: await response.text() };
  }
  await carryOut(question);
  return undefined;
}

async function carryOut(
  order: Exclude<Question, { do: 'connect' | 'exchange' | 'get' }>,
): Promise<void> {
  switch (order.do) {
    case 'serve':
      return serve(order);
    case 'start':
      return agent.start(order.parts, order.settings, order.objects);
    case 'put':
      return agent.put(order.objects);
    case 'podStarted':
      return agent.podStarted(order);
    case 'remove':
      return agent.remove(order.plural, order.key);
    case 'stop':
      return agent.stop();
    case 'clean':
      return agent.clean();
  }
}

async function serve({ name, protocol, port }: Extract<Question, { do: 'serve' }>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (protocol === 'udp') {
    const socket = createSocket('udp4');
    socket.on('message', (_text, { address, port: to }) =>
      socket.send(`${name} ${address}`, to, address),
    );
    socket.once('error', reject).bind(port, resolve);
  } else {
    const server = createServer((socket) => {
      socket.on('error', () => {}); // whoever asked has gone
      socket.end(`${name} ${socket.remoteAddress}`);
    });
    server.once('error', reject).listen(port, '0.0.0.0', resolve);
  }
  return promise;
}

type Connect = Extract<Question, { do: 'connect' }>;

function connectTcp({ ip, port, timeoutMs }: Connect): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const socket = connect({ host: ip, port });
  let text = '';
  socket.setEncoding('utf8').setTimeout(timeoutMs);
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.on('end', () => resolve(outcome(text)));
  socket.on('timeout', () => {
    socket.destroy();
    resolve({ result: 'timeout' });
  });
  socket.on('error', ({ code }: NodeJS.ErrnoException) =>
    resolve({ result: code === 'ECONNREFUSED' ? 'refused' : 'timeout' }),
  );
  return promise;
}

function askUdp({ ip, port, timeoutMs, from }: Connect): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const socket = createSocket('udp4');
  const timer = setTimeout(() => finish({ result: 'timeout' }), timeoutMs);
  const finish = (outcome: Outcome): void => {
    clearTimeout(timer);
    socket.close();
    resolve(outcome);
  };
  socket.once('message', (text) => finish(outcome(text.toString())));
  socket.once('error', () => finish({ result: 'refused' }));
  socket.bind(from ?? 0, () =>
    socket.connect(port, ip, (error?: Error) => {
      if (error) finish({ result: 'timeout' });
      else socket.send('?');
    }),
  );
  return promise;
}

function exchange({
  protocol,
  ip,
  port,
  message,
}: Extract<Question, { do: 'exchange' }>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = Buffer.from(message, 'base64');
  if (protocol === 'udp') {
    const socket = createSocket('udp4');
    socket.on('message', (reply) => {
      resolve(reply.toString('base64'));
      socket.close();
    });
    socket.on('error', reject);
    socket.send(sent, port, ip);
  } else {
    const socket = connect({ host: ip, port });
    frames(socket, (reply) => {
      resolve(reply.toString('base64'));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.write(framed(sent));
  }
  return promise;
}

function outcome(text: string): Outcome {
  const [name = '', source = ''] = text.split(' ');
  return { result: 'ok', name, source };
}
