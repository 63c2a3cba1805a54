import { createHash } from 'node:crypto';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { parseYaml } from '#shared/api/codec/yaml.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

/**
 * The pod that a file holds, as upstream's file source makes it: bound to the node, named after it,
 * tolerating everything. Throws for what is no pod.
 */
export function podOf(
  file: string,
  text: string,
  { nodeName, now }: { readonly nodeName: string; readonly now: number },
): Pod {
  const parsed = parseYaml(text).value;
  const { object: draft } = decodeObject<Draft<Pod>>('core.v1.Pod', parsed);
  const { kind } = parsed as { kind?: unknown };
  if (kind !== 'Pod') throw new Error(`${file} holds a ${String(kind)}, not a Pod`);
  const hash = createHash('md5')
    .update(nodeName)
    .update(file)
    .update(JSON.stringify(draft))
    .digest('hex');
  const { metadata, spec } = draft;
  metadata.uid ||= hash;
  metadata.namespace ||= 'default';
  metadata.name = `${metadata.name}-${nodeName}`;
  metadata.annotations = {
    ...metadata.annotations,
    'kubernetes.io/config.hash': hash,
    'kubernetes.io/config.seen': new Date(now).toISOString().replace('Z', '000000Z'),
    'kubernetes.io/config.source': 'file',
  };
  spec.nodeName = nodeName;
  spec.tolerations = [...(spec.tolerations ?? []), { effect: 'NoExecute', operator: 'Exists' }];
  draft.status = {};
  pods.default?.(draft);
  draft.status = { phase: 'Pending' };
  return draft;
}
