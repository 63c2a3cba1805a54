import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type { KubeletContext } from '../context.ts';
import { isReady, type RuntimePod } from '../runtime-state.ts';

/** Ends the pod's sandboxes, and with them its network; all its containers have ended. */
export async function stopSandboxes(
  { runtime }: KubeletContext,
  { sandboxes }: RuntimePod,
): Promise<void> {
  for (const sandbox of sandboxes.filter(isReady)) {
    try {
      await runtime.stopPodSandbox({ podSandboxId: sandbox.id });
    } catch (error) {
      if (!RuntimeError.is(error, 'NotFound')) throw error;
    }
  }
}
