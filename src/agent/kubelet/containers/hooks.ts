import type { Container, LifecycleHandler } from '#shared/api/types/core-v1.ts';
import { sleep } from '#shared/base/clock.ts';
import type { KubeletContext } from '../context.ts';
import { httpGet, tcpConnect } from './handlers.ts';

export interface HookTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

const hookTimeoutMs = 60_000;
const userAgent = 'kube-lifecycle/1.36';

/** Does what a pod asks for after a container's start or before its end. Throws if it fails. */
export async function runHook(
  { exec, httpGet: http, tcpSocket, sleep: pause }: LifecycleHandler,
  target: HookTarget,
  { runtime, clock }: KubeletContext,
  signal?: AbortSignal,
): Promise<void> {
  const options = { clock, timeoutMs: hookTimeoutMs, signal, userAgent };
  if (exec) {
    const { exitCode, stdout, stderr } = await runtime.execSync(
      { containerId: target.containerId, cmd: exec.command ?? [] },
      { timeoutMs: Infinity, ...(signal && { signal }) },
    );
    if (exitCode === 0) return;
    const output = Buffer.concat([stdout, stderr]).toString('utf8');
    throw new Error(
      `command '${(exec.command ?? []).join(' ')}' exited with ${exitCode}: ${output}`,
    );
  }
  if (http) {
    await httpGet(http, target, options);
    return;
  }
  if (tcpSocket) return await tcpConnect(tcpSocket, target, options);
  if (pause) await sleep(clock, pause.seconds * 1000, signal);
}
