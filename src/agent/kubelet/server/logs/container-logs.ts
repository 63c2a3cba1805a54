import { hasContainer, logSource, wantedContainer } from './source.ts';
import { parseLogOptions } from './options.ts';
import { readLog } from './reader.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import { text, type KubeletAnswer, type KubeletRequest } from '#agent/kubelet/server/exchange.ts';
import type { Clock } from '#shared/base/clock.ts';

/** `/containerLogs/<namespace>/<pod>/<container>` */
export function containerLogs(
  { parts, query, signal }: KubeletRequest,
  { kubelet, clock }: { readonly kubelet: PodDirectory; readonly clock: Clock },
): KubeletAnswer {
  const [namespace = '', name = '', container = ''] = parts;
  const options = parseLogOptions(query, { now: clock.now() });
  if (options === 'undecodable') return text(400, '{"message": "Unable to decode query."}');
  if (options === 'invalid') return text(422, '{"message": "Invalid request."}');
  const pod = kubelet.find(namespace, name);
  if (!pod) return text(404, `pod ${JSON.stringify(name)} does not exist`);
  if (!hasContainer(pod, container)) {
    const what = `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`;
    return text(404, what);
  }
  const wanted = wantedContainer(pod, container, options);
  if ('refusal' in wanted) return { code: 400, body: wanted.refusal };
  const { uid } = pod.metadata;
  const source = logSource(kubelet, { uid, name: container, id: wanted.id });
  if (!source) {
    const what = `container ${JSON.stringify(container)} in pod ${JSON.stringify(name)}`;
    return { code: 400, body: `the log of ${what} is gone with its container` };
  }
  return { code: 200, body: readLog(source, options, { clock, signal }) };
}
