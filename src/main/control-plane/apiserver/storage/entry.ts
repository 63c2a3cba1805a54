import type { Draft, KubeObject } from '#shared/kube/object.ts';

/**
 * One version of one kind as it stands on the wire. Every encoded object begins with the same bytes,
 * so that `metadata.resourceVersion`, known only after the commit, has a constant place to go to.
 */
export interface ObjectForm {
  readonly apiVersion: string;
  readonly kind: string;
  /** `{"kind":"Pod","apiVersion":"v1","metadata":{` */
  readonly head: string;
  /** From the stored form to this one; absent where they are the same. */
  readonly convert?: (object: KubeObject) => KubeObject;
  /**
   * Where conversion has to be asked for: several objects at once, each in whatever version it is.
   * Views of entries are there only once `prepareViews` has been waited for.
   */
  readonly convertLater?: (objects: readonly KubeObject[]) => Promise<readonly KubeObject[]>;
  /** Fills in what the stored version has for defaults by now; the same object where it lacks none. */
  readonly complete?: (object: KubeObject) => KubeObject;
}

export function objectForm(
  apiVersion: string,
  kind: string,
  more: Pick<ObjectForm, 'convert' | 'convertLater' | 'complete'> = {},
): ObjectForm {
  const head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{`;
  return { apiVersion, kind, head, ...more };
}

const itemHead = '{"metadata":{';
const revisionHead = '"resourceVersion":"';
const revisionTail = '",';
const itemStart = Buffer.from(itemHead + revisionHead);
const quote = 0x22;
const comma = 0x2c;

/** One object at one revision: the shared object and, encoded once, its bytes. Never changes. */
export class Entry<T extends KubeObject = KubeObject> {
  readonly object: T;
  readonly revision: number;
  readonly form: ObjectForm;
  /** JSON as it is stored: without `metadata.resourceVersion`. */
  readonly value: Buffer;
  #protobuf: Uint8Array | undefined;
  #views: Map<ObjectForm, Entry> | undefined;

  /** Takes the object over and gives it its resourceVersion; revision 0 is that of a dry run. */
  constructor(
    form: ObjectForm,
    content: { readonly object: T; readonly value: Buffer },
    revision: number,
  ) {
    this.form = form;
    this.object = content.object;
    this.value = content.value;
    this.revision = revision;
    if (revision === 0) return;
    (content.object.metadata as Draft<KubeObject['metadata']>).resourceVersion = String(revision);
  }

  get namespace(): string {
    return this.object.metadata.namespace ?? '';
  }

  get name(): string {
    return this.object.metadata.name;
  }

  /** The size of what `writeJson` writes. */
  get jsonLength(): number {
    if (this.revision === 0) return this.value.length;
    const { resourceVersion } = this.object.metadata;
    const added = revisionHead.length + resourceVersion.length + revisionTail.length;
    return this.value.length + added;
  }

  /** The size of what `writeItem` writes. */
  get itemLength(): number {
    return this.jsonLength - this.form.head.length + itemHead.length;
  }

  /** What stands between the head and the stored bytes behind it. */
  get #revisionMember(): string {
    if (this.revision === 0) return '';
    return revisionHead + this.object.metadata.resourceVersion + revisionTail;
  }

  /** The whole object; returns where it ends. */
  writeJson(target: Buffer, offset: number): number {
    return this.#write(target, offset, this.form.head);
  }

  /** The object as a list's item, without kind and apiVersion as upstream; returns where it ends. */
  writeItem(target: Buffer, offset: number): number {
    if (this.revision === 0) return this.#write(target, offset, itemHead);
    // Lists are long: byte by byte is faster here than a call for a few letters.
    target.set(itemStart, offset);
    let at = offset + itemStart.length;
    const { resourceVersion } = this.object.metadata;
    for (let index = 0; index < resourceVersion.length; index++)
      target[at++] = resourceVersion.charCodeAt(index);
    target[at++] = quote;
    target[at++] = comma;
    return at + this.value.copy(target, at, this.form.head.length);
  }

  toJson(): Buffer {
    const target = Buffer.allocUnsafe(this.jsonLength);
    this.writeJson(target, 0);
    return target;
  }

  /** The object's protobuf bytes, made by `encode` the first time. */
  protobuf(encode: (object: KubeObject) => Uint8Array): Uint8Array {
    return (this.#protobuf ??= encode(this.object));
  }

  /** The same revision in another version of the kind. */
  as(form: ObjectForm): Entry {
    const { convert, convertLater, complete } = form;
    if (form === this.form || !(convert || convertLater || complete)) return this;
    if (convertLater && !complete && this.form.head === form.head) return this;
    const known = this.#views?.get(form);
    if (known) return known;
    const view = this.#view(form);
    (this.#views ??= new Map()).set(form, view);
    return view;
  }

  /** Whether the other version is known already. */
  hasView(form: ObjectForm): boolean {
    if (form === this.form || !form.convertLater) return true;
    return this.form.apiVersion === form.apiVersion || this.#views?.has(form) === true;
  }

  /** Keeps what the object is in the other version. */
  keepView(form: ObjectForm, object: KubeObject): void {
    const view = new Entry(form, encodeObject(form, object as Draft<KubeObject>), this.revision);
    (this.#views ??= new Map()).set(form, view);
  }

  #view(form: ObjectForm): Entry {
    const { convert, convertLater, complete } = form;
    if (convertLater && this.form.apiVersion !== form.apiVersion) {
      throw new Error(`${form.kind} ${this.name} has not been converted to ${form.apiVersion}`);
    }
    const stored = complete ? complete(this.object) : this.object;
    if (!convert && stored === this.object) return this;
    const object = convert ? convert(stored) : stored;
    return new Entry(form, encodeObject(form, object as Draft<KubeObject>), this.revision);
  }

  /** What a watcher is told when the object goes: its last state at the revision of its end. */
  at(revision: number): Entry<T> {
    const object = { ...this.object, metadata: { ...this.object.metadata } };
    return new Entry(this.form, { object, value: this.value }, revision);
  }

  #write(target: Buffer, offset: number, head: string): number {
    const { value, form } = this;
    const at = offset + target.write(head + this.#revisionMember, offset, 'latin1');
    return at + value.copy(target, at, form.head.length);
  }
}

/** Converts all entries at once that are not known in the form yet. */
export async function prepareViews(form: ObjectForm, entries: Iterable<Entry>): Promise<void> {
  const { convertLater } = form;
  if (!convertLater) return;
  const lacking = [...entries].filter((entry) => !entry.hasView(form));
  if (lacking.length === 0) return;
  const converted = await convertLater(lacking.map(({ object }) => object));
  for (const [index, entry] of lacking.entries()) {
    if (!entry.hasView(form)) entry.keepView(form, converted[index]!);
  }
}

/** What the store holds: in the version of its cache unless it says that it is in another. */
export interface StoredContent {
  readonly object: KubeObject;
  readonly value: Buffer;
  readonly form?: ObjectForm;
}

export function storedEntry(
  cache: { readonly form: ObjectForm },
  content: StoredContent,
  revision: number,
): Entry {
  return new Entry(content.form ?? cache.form, content, revision);
}

/** Encodes a draft for the store, without its resourceVersion. */
export function encodeObject<T extends KubeObject>(
  form: ObjectForm,
  object: T,
): { readonly object: T; readonly value: Buffer } {
  const draft = object as Draft<KubeObject>;
  draft.apiVersion = form.apiVersion;
  draft.kind = form.kind;
  (draft.metadata as { resourceVersion?: string | undefined }).resourceVersion = undefined;
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = draft;
  const others = JSON.stringify(rest);
  const tail = others === '{}' ? '}' : `,${others.slice(1)}`;
  const text = form.head + JSON.stringify(metadata).slice(1) + tail;
  return { object, value: ownBytes(text) };
}

/**
 * Entries are kept for long: as slices of the pool that Node makes small buffers of, each would keep
 * 64 KiB of what others have long been done with.
 */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** True for a value that `encodeObject` wrote in this form, whose bytes can be served as they are. */
export function isEncodedAs(form: ObjectForm, value: Buffer): boolean {
  const { head } = form;
  return value.length > head.length && value.toString('latin1', 0, head.length) === head;
}
