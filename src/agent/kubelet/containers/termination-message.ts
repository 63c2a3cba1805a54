import { open } from 'node:fs/promises';
import { readLastLines } from './log-tail.ts';

const maxBytes = 4096;
const fallbackLines = 80;
const fallbackBytes = 2048;

export interface MessageSource {
  /** The file on the host, if the container had one. */
  readonly file: string | undefined;
  /** Reads the log's end where the file says nothing and the container failed. */
  readonly policy: string;
  readonly failed: boolean;
  readonly logPath: string;
}

/** What a container left to be said about its end. */
export async function terminationMessage(source: MessageSource): Promise<string> {
  const text = source.file === undefined ? '' : await readEnd(source.file);
  if (text || !source.failed || source.policy !== 'FallbackToLogsOnError') return text;
  return await readLastLines(source.logPath, { lines: fallbackLines, bytes: fallbackBytes });
}

/** The last of it: what came last is what it ended with. */
async function readEnd(path: string): Promise<string> {
  const handle = await open(path, 'r').catch(() => undefined); // the pod's folder may be gone by now
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - maxBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

const podTotalBytes = 12 * 1024;

/** Upstream's share: all containers of a pod together say at most 12 KiB. */
export function messageLimit(containers: number): number {
  return Math.min(maxBytes, Math.floor(podTotalBytes / Math.max(1, containers)));
}
