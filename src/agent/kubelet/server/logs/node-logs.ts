import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import {
  plain,
  redirect,
  text,
  type KubeletAnswer,
  type KubeletRequest,
} from '#agent/kubelet/server/exchange.ts';

const folder = '/var/log';
const notFound = (): KubeletAnswer => text(404, '404 page not found\n');

/** `/logs/…`: the node's own log files, and lists of them. */
export async function nodeLogs({ parts, path }: KubeletRequest): Promise<KubeletAnswer> {
  const wanted = decodeURIComponent(parts[0] ?? '');
  const file = join(folder, normalize(`/${wanted}`));
  const found = await stat(file).catch(() => undefined); // not there, or not for us: the same answer
  if (!found) return notFound();
  if (found.isDirectory()) return path.endsWith('/') ? listing(file) : redirect(`${path}/`);
  if (path.endsWith('/')) return notFound();
  return {
    code: 200,
    type: plain,
    headers: { 'content-length': String(found.size) },
    body: createReadStream(file, { end: Math.max(0, found.size - 1) }),
  };
}

async function listing(directory: string): Promise<KubeletAnswer> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.map((entry) => entry.name + (entry.isDirectory() ? '/' : '')).toSorted();
  const links = names.map((name) => `<a href="${encodeURI(name)}">${escaped(name)}</a>\n`).join('');
  const head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n';
  return { code: 200, type: 'text/html; charset=utf-8', body: `${head}<pre>\n${links}</pre>\n` };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
