import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import { GrpcClient } from '#agent/grpc/client.ts';
import { GrpcError, grpcStatus } from '#agent/grpc/grpc-error.ts';
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

const check = {
  path: '/grpc.health.v1.Health/Check',
  request: message({ service: text(1) }),
  response: message({ status: enumeration(1) }),
};
const serving = 1;
const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** grpc.health.v1.Health/Check. */
async function grpcProbe(
  { port, service = '' }: GRPCAction,
  { podIp }: ProbeTarget,
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: KubeletContext['clock'] },
): Promise<ProbeOutcome> {
  const target = podIp.includes(':') ? `[${podIp}]:${port}` : `${podIp}:${port}`;
  using client = new GrpcClient({ target, clock, userAgent });
  try {
    const { status } = await client.unary(check, { service }, { timeoutMs });
    if (status === serving) return success;
    return {
      succeeded: false,
      output: `service unhealthy (responded with "${statusNames[status] ?? status}")`,
    };
  } catch (error) {
    return { succeeded: false, output: grpcFailure(error, target, timeoutMs) };
  }
}

function grpcFailure(error: unknown, target: string, timeoutMs: number): string {
  const status = error instanceof GrpcError ? error.status : grpcStatus.unknown;
  if (status === grpcStatus.unimplemented)
    return 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)';
  if (status === grpcStatus.deadlineExceeded || status === grpcStatus.unavailable)
    return `timeout: failed to connect service "${target}" within ${timeoutMs / 1000}s: context deadline exceeded`;
  return `error: health rpc probe failed: ${(error as Error).message}`;
}
