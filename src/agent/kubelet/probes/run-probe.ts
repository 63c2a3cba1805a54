import { Client, credentials, status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import { decode, encode } from '#agent/container-runtime/protobuf.ts';
import type { GRPCAction, Probe } from '#shared/api/types/core-v1.ts';
import { enumeration, message, text } from '#shared/base/protobuf.ts';
import { httpGet, tcpConnect, type Target } from '../containers/handlers.ts';
import type { KubeletContext } from '../context.ts';

export interface ProbeTarget extends Target {
  readonly containerId: string;
}

export interface ProbeOutcome {
  readonly succeeded: boolean;
  /** What a failure is told with. */
  readonly output: string;
  /** The probe itself could not be made. */
  readonly isError?: boolean;
}

const success: ProbeOutcome = { succeeded: true, output: '' };
const userAgent = 'kube-probe/1.36';

/** Makes one probe. Never throws: whatever goes wrong is an outcome. */
export async function runProbe(
  probe: Probe,
  target: ProbeTarget,
  context: KubeletContext,
): Promise<ProbeOutcome> {
  const { exec, httpGet: http, tcpSocket, grpc, timeoutSeconds = 1 } = probe;
  const options = { clock: context.clock, timeoutMs: timeoutSeconds * 1000, userAgent };
  try {
    if (exec) return await execProbe(exec.command ?? [], target, { context, timeoutSeconds });
    if (http) {
      const { status, body } = await httpGet(http, target, options);
      if (status >= 200 && status < 400) return success;
      return {
        succeeded: false,
        output: `HTTP probe failed with statuscode: ${status}${body ? '' : ''}`,
      };
    }
    if (tcpSocket) await tcpConnect(tcpSocket, target, options);
    else if (grpc) return await grpcProbe(grpc, target, options);
    return success;
  } catch (error) {
    return { succeeded: false, output: (error as Error).message };
  }
}

async function execProbe(
  cmd: readonly string[],
  { containerId }: ProbeTarget,
  {
    context,
    timeoutSeconds,
  }: { readonly context: KubeletContext; readonly timeoutSeconds: number },
): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr } = await context.runtime.execSync(
      { containerId, cmd, timeout: timeoutSeconds },
      { timeoutMs: (timeoutSeconds + 120) * 1000 },
    );
    if (exitCode === 0) return success;
    return { succeeded: false, output: Buffer.concat([stdout, stderr]).toString('utf8') };
  } catch (error) {
    if (RuntimeError.is(error, 'DeadlineExceeded'))
      return {
        succeeded: false,
        output: `command timed out: "${cmd.join(' ')}" timed out after ${timeoutSeconds}s`,
      };
    return { succeeded: false, isError: true, output: (error as Error).message };
  }
}

const checkRequest = message({ service: text(1) });
const checkResponse = message({ status: enumeration(1) });
const serving = 1;

/** grpc.health.v1.Health/Check. */
async function grpcProbe(
  { port, service = '' }: GRPCAction,
  { podIp }: ProbeTarget,
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: KubeletContext['clock'] },
): Promise<ProbeOutcome> {
  const address = podIp.includes(':') ? `[${podIp}]:${port}` : `${podIp}:${port}`;
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.primary_user_agent': userAgent,
    'grpc.enable_http_proxy': 0,
  });
  try {
    const answer = await new Promise<{ readonly status: number }>((resolve, reject) => {
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        (value: { readonly service: string }) => encode(checkRequest, value),
        (source: Buffer) => decode(checkResponse, source),
        { service },
        { deadline: clock.now() + timeoutMs },
        (error, value) => (error ? reject(error) : resolve(value!)),
      );
    });
    if (answer.status === serving) return success;
    return {
      succeeded: false,
      output: `service unhealthy (responded with "${statusNames[answer.status] ?? answer.status}")`,
    };
  } catch (error) {
    const { code, details } = error as ServiceError;
    if (code === grpcStatus.UNIMPLEMENTED)
      return {
        succeeded: false,
        output:
          'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
      };
    if (code === grpcStatus.DEADLINE_EXCEEDED || code === grpcStatus.UNAVAILABLE)
      return {
        succeeded: false,
        output: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
      };
    return { succeeded: false, output: `error: health rpc probe failed: ${details}` };
  } finally {
    client.close();
  }
}

const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
