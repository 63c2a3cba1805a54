import { isTrue } from '#main/control-plane/apiserver/request/request-info.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { StreamOptions } from '#main/control-plane/apiserver/streaming/remote-command.ts';

type Asked = Pick<ResourceRequest, 'subresource' | 'query' | 'search'>;

/** The streams that the query asks for. */
export function streamsOf({ query }: Pick<Asked, 'query'>): StreamOptions {
  const { stdin, stdout, stderr, tty } = query;
  return {
    stdin: isTrue(stdin),
    stdout: isTrue(stdout),
    stderr: isTrue(stderr),
    tty: isTrue(tty),
  };
}

/** The query as PodExecOptions, PodAttachOptions or PodPortForwardOptions, which admission sees. */
export function connectionOptions(request: Asked): Record<string, unknown> {
  const given = new URLSearchParams(request.search);
  if (request.subresource === 'portforward') {
    const ports = given.getAll('ports').map(Number);
    return ports.length > 0 ? { ports } : {};
  }
  const wanted = Object.entries(streamsOf(request)).filter(([, isWanted]) => isWanted);
  const container = given.get('container');
  const command = request.subresource === 'exec' ? given.getAll('command') : [];
  return {
    ...Object.fromEntries(wanted),
    ...(container && { container }),
    ...(command.length > 0 && { command }),
  };
}
