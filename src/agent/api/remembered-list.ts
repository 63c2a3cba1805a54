import { appendFile, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { WatchEvent } from '#shared/client/transport.ts';
import { keyOf, type KubeList, type KubeObject } from '#shared/kube/object.ts';

/** What a file begins with; a line for each object or change follows. */
interface Header {
  readonly apiVersion: string;
  readonly kind: string;
  readonly resourceVersion: string;
}

/** A file is written anew once this many changes, and more than it has objects, follow its list. */
const fewestChanges = 500;
/** Secrets may be among the objects. */
const mode = 0o600;

/**
 * One list on disk with the changes that came after it. Whatever a crash leaves of the last line is
 * passed over: the server is asked again as soon as it can be. Failures to write are thrown by `settled`.
 */
export class RememberedList {
  readonly #path: string;
  #header: Header | undefined;
  readonly #objects = new Map<string, KubeObject>();
  #changes = 0;
  /** Lines to append; the whole file is due when `#isWholeDue`. */
  #pending = '';
  #isWholeDue = false;
  #writing: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The list as it was last seen, or nothing. */
  async read(): Promise<KubeList | undefined> {
    if (!this.#header) await this.#load();
    if (!this.#header) return undefined;
    const { apiVersion, kind, resourceVersion } = this.#header;
    return { apiVersion, kind, metadata: { resourceVersion }, items: [...this.#objects.values()] };
  }

  replace({ apiVersion, kind, metadata, items }: KubeList): void {
    this.#header = { apiVersion, kind, resourceVersion: metadata.resourceVersion ?? '0' };
    this.#objects.clear();
    for (const item of items) this.#objects.set(keyOf(item.metadata), item);
    this.#isWholeDue = true;
    this.#write();
  }

  append(events: readonly WatchEvent[]): void {
    for (const event of events) if (this.#apply(event)) this.#pending += `${line(event)}\n`;
    if (this.#changes > Math.max(fewestChanges, this.#objects.size)) this.#isWholeDue = true;
    this.#write();
  }

  /** Resolves once all that was said is in the file. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #apply(event: WatchEvent): boolean {
    if (event.type === 'ERROR' || !this.#header) return false;
    const { metadata } = event.object;
    this.#header = laterOf(this.#header, metadata.resourceVersion);
    if (event.type === 'DELETED') this.#objects.delete(keyOf(metadata));
    else if (event.type !== 'BOOKMARK') this.#objects.set(keyOf(metadata), event.object);
    this.#changes++;
    return true;
  }

  /** One write at a time; what comes meanwhile goes into the next one. */
  #write(): void {
    this.#writing ??= this.#drain().finally(() => void (this.#writing = undefined));
    this.#writing.catch(() => {}); // `settled` tells of it
  }

  async #drain(): Promise<void> {
    while (this.#isWholeDue || this.#pending !== '') {
      const isWhole = this.#isWholeDue;
      const text = isWhole ? this.#whole() : this.#pending;
      this.#pending = '';
      this.#isWholeDue = false;
      try {
        await (isWhole ? replaceFile(this.#path, text) : appendFile(this.#path, text, { mode }));
      } catch (error) {
        this.#isWholeDue = true; // the file is not what a later change may be added to
        throw error;
      }
    }
  }

  #whole(): string {
    this.#changes = 0;
    const objects = [...this.#objects.values()];
    return [
      JSON.stringify(this.#header),
      ...objects.map((object) => line({ type: 'ADDED', object })),
      '',
    ].join('\n');
  }

  async #load(): Promise<void> {
    const [first, ...rest] = (await textOf(this.#path)).split('\n');
    this.#header = parsed(first) as Header | undefined;
    for (const text of rest) {
      const event = parsed(text) as WatchEvent | undefined;
      if (!event) {
        // Nothing may be added behind what is no whole line.
        this.#isWholeDue = text !== '';
        break;
      }
      this.#apply(event);
    }
  }
}

/** The objects that stand in the file as the list's own are older than the list. */
function laterOf(header: Header, resourceVersion: string): Header {
  const isLater = Number(resourceVersion) > Number(header.resourceVersion);
  return isLater ? { ...header, resourceVersion } : header;
}

/** A power cut leaves the old file or the new one, whole. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  {
    await using scratch = await open(`${path}.new`, 'w', mode);
    await scratch.writeFile(text);
    await scratch.sync();
  }
  await rename(`${path}.new`, path);
}

function line(event: WatchEvent): string {
  return JSON.stringify(event);
}

function parsed(text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut off in the middle: what comes before it counts
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
