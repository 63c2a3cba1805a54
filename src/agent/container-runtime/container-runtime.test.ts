import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Server,
  ServerCredentials,
  status,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GrpcMethod } from '#agent/grpc/client.ts';
import { decode, encode } from '#agent/grpc/protobuf.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { connectContainerRuntime, type ContainerEvent, type ContainerRuntime } from './index.ts';
import { containerEvents, methods } from './methods.ts';

const folder = mkdtempSync(join(tmpdir(), 'cri-'));
const endpoint = `unix://${folder}/runtime.sock`;
const server = new Server();
let runtime: ContainerRuntime;

beforeAll(async () => {
  answer(methods.runPodSandbox, (call, reply) =>
    reply(null, { podSandboxId: JSON.stringify(call.request) }),
  );
  answer(methods.containerStatus, (_call, reply) =>
    reply({ code: status.NOT_FOUND, details: 'no container "a"' }),
  );
  answer(methods.pullImage, () => {});
  const tell: handleServerStreamingCall<object, Partial<ContainerEvent>> = (call) => {
    for (const [at, containerId] of ['a', 'b'].entries())
      call.write({ containerId, containerEventType: at, createdAt: 1_700_000_000_123_456_789n });
    call.end();
  };
  server.register(containerEvents.path, tell, ...serving(containerEvents), 'serverStream');
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(endpoint, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  runtime = connectContainerRuntime(endpoint, { clock: systemClock });
});

afterAll(() => {
  runtime[Symbol.dispose]();
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});

function answer<Q, A>(method: GrpcMethod<Q, A>, handle: handleUnaryCall<Q, Partial<A>>): void {
  server.register(method.path, handle, ...serving(method), 'unary');
}

function serving<Q, A>({ request, response }: GrpcMethod<Q, A>) {
  return [
    (value: Partial<A>) => encode(response, value),
    (source: Buffer) => decode(request, source),
  ] as const;
}

test('a request arrives with its maps, nested messages and lists', async () => {
  const { podSandboxId } = await runtime.runPodSandbox({
    config: {
      metadata: { name: 'p', uid: 'u', namespace: 'n', attempt: 3 },
      labels: { a: 'b', c: '' },
      portMappings: [{ containerPort: 80, hostPort: 8080 }],
      linux: {
        sysctls: { 'net.ipv4.ip_forward': '1' },
        securityContext: { runAsUser: { value: 0 } },
      },
    },
  });
  expect(JSON.parse(podSandboxId)).toMatchObject({
    config: {
      metadata: { name: 'p', uid: 'u', namespace: 'n', attempt: 3 },
      labels: { a: 'b', c: '' },
      annotations: {},
      portMappings: [{ containerPort: 80, hostPort: 8080, hostIp: '' }],
      linux: {
        sysctls: { 'net.ipv4.ip_forward': '1' },
        securityContext: { runAsUser: { value: 0 } },
      },
    },
  });
});

test('a refusal carries its code and the words of the runtime', async () => {
  await expect(runtime.containerStatus({ containerId: 'a' })).rejects.toMatchObject({
    code: 'NotFound',
    details: 'no container "a"',
  });
});

test('a call that is aborted or takes too long ends', async () => {
  const stop = new AbortController();
  const aborted = runtime.pullImage({}, { signal: stop.signal, timeoutMs: Infinity });
  stop.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  await expect(runtime.pullImage({}, { timeoutMs: 20 })).rejects.toMatchObject({
    code: 'DeadlineExceeded',
  });
});

test('events come in order, times to the nanosecond', async () => {
  const seen = [];
  for await (const { containerId, containerEventType, createdAt } of runtime.containerEvents())
    seen.push([containerId, containerEventType, createdAt]);
  expect(seen).toEqual([
    ['a', 0, 1_700_000_000_123_456_789n],
    ['b', 1, 1_700_000_000_123_456_789n],
  ]);
});
