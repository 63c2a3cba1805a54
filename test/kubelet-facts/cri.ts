import type { Pod } from '#shared/api/types/core-v1.ts';
import { containerConfigShape } from './cri-shape.ts';
import type { Json } from './facts.ts';

interface Call {
  readonly name: string;
  readonly request: Readonly<Record<string, Json>>;
  readonly error?: string;
}

/** What the runtime was first asked for the pod's sandbox and each of its containers. */
export async function criView(record: string, pod: Pod): Promise<Json> {
  const { uid } = pod.metadata;
  const calls = record
    .split('\n')
    .filter((line) => line.includes(uid))
    .map((line) => JSON.parse(line) as Call);
  const run = calls.find(({ name }) => name === 'runPodSandbox')?.request;
  const sandbox = run?.['config'];
  const handler = run?.['runtimeHandler'];
  const containers: Record<string, Json> = {};
  for (const { name, request } of calls) {
    if (name !== 'createContainer') continue;
    const config = request['config'] as { readonly metadata: { readonly name: string } } & Readonly<
      Record<string, Json>
    >;
    containers[config.metadata.name] ??= containerConfigShape(config);
  }
  return {
    ...(sandbox !== undefined && {
      sandbox: {
        ...(containerConfigShape(sandbox) as object),
        ...(handler && { runtime_handler: handler }),
      },
    }),
    ...(Object.keys(containers).length > 0 && { containers }),
  };
}
