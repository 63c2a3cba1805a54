import { readFile } from 'node:fs/promises';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Host } from '../support/hosts/host.ts';

/** `MODE OWNER:GROUP TYPE PATH [-> TARGET]`, sorted. */
export interface HostFiles {
  /** Below the pod's folder of the kubelet. */
  readonly pods: readonly string[];
  /** Below the pod's folder of logs. */
  readonly logs: readonly string[];
  /** To the pod's logs, where collectors look. */
  readonly links: readonly string[];
}

export interface LogFiles {
  /** `STREAM TAG TEXT` by file; of long texts only how long they are. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  /** `MODE NAME` of all files. */
  readonly files: readonly string[];
}

export async function hostFiles(host: Host, pod: Pod): Promise<HostFiles> {
  const { uid } = pod.metadata;
  const list = async (folder: string, filter = ''): Promise<string[]> => {
    const out = await host.run(
      `cd ${folder} && find . ${filter} -printf '%M %U:%G %y %P -> %l\\n'`,
    );
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/ -> $/, '').replace(/(:\d+ d)(?: )$/, '$1 .'))
      .map((line) => line.replace(/ containers\/([^/]+)\/[0-9a-f]{8}$/, ' containers/$1/$HEX'));
  };
  const links = await list('/var/log/containers', `-lname '*_${uid}/*'`);
  return {
    pods: await list(`/var/lib/kubelet/pods/${uid}`),
    logs: await list(logFolder(pod)),
    links: links.map((line) => line.split(' ').slice(3).join(' ')),
  };
}

export async function logFiles(host: Host, pod: Pod): Promise<LogFiles> {
  const folder = logFolder(pod);
  const out = await host.run(`cd ${folder} && find . -type f -printf '%M %P\\n'`);
  const listed = out.split('\n').filter(Boolean);
  const lines: Record<string, string[]> = {};
  for (const path of listed
    .map((line) => line.split(' ')[1]!)
    .filter((one) => one.endsWith('.log')))
    lines[path] = await linesOf(host.path(`${folder}/${path}`));
  // Older ones are compressed; how many there are depends on how fast the machine writes.
  const files = listed
    .filter((line) => !line.endsWith('.gz'))
    .map((line) => line.replace(/ .*\//, ' ').replace(/\.\d{8}-\d{6}$/, '.YYYYMMDD-HHMMSS'));
  return { lines, files: [...new Set(files)].sort() };
}

function logFolder({ metadata: { namespace, name, uid } }: Pod): string {
  return `/var/log/pods/${namespace}_${name}_${uid}`;
}

const longText = 30;

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, stream, tag, ...words] = line.split(' ');
      const said = words.join(' ');
      const shown = said.length < longText ? said : `${said[0]}… ${said.length} characters`;
      return `${stream} ${tag} ${shown}`;
    });
}
