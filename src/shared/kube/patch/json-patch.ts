import { ApiError } from '#shared/kube/errors.ts';
import {
  has,
  isArray,
  isObject,
  isSameJson,
  memberOf,
  setMember,
  type JsonDraft,
  type JsonObject,
} from '#shared/kube/patch/json.ts';
import { unprocessable } from '#shared/kube/patch/patch-errors.ts';

const maxOperations = 10_000;
const maxCopiedBytes = 3 * 1024 * 1024;
const operationMembers: readonly string[] = ['op', 'path', 'from', 'value'];

/**
 * Applies an RFC 6902 patch with the liberties of the library that upstream uses: `replace` may set
 * an absent member, indexes may be negative. Containers on changed paths are copied, all else is
 * shared with `document`.
 *
 * Throws 400 for what is no patch, 413 for more than 10,000 operations, 422 for one that fails.
 */
export function applyJsonPatch(document: unknown, operations: unknown): unknown {
  if (!isArray(operations)) {
    throw undecodable(`${goKind(operations)} into Go value of type []handlers.jsonPatchOp`);
  }
  if (operations.length > maxOperations) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `Request entity is too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${operations.length}`,
    );
  }
  for (const operation of operations) checkTypes(operation);
  const patching = new Patching(document);
  for (const operation of operations) patching.apply((operation ?? {}) as JsonObject);
  return patching.document;
}

/** What strict field validation says of the operations. */
export function jsonPatchStrictErrors(operations: readonly unknown[]): readonly string[] {
  return operations.flatMap((operation, index) =>
    Object.keys(operation ?? {})
      .filter((name) => !operationMembers.includes(name))
      .map((name) => `json patch unknown field "[${index}].${name}"`),
  );
}

function checkTypes(operation: unknown): void {
  if (operation === null) return;
  if (!isObject(operation)) {
    throw undecodable(`${goKind(operation)} into Go value of type handlers.jsonPatchOp`);
  }
  for (const name of ['op', 'path', 'from']) {
    const value = memberOf(operation, name) ?? '';
    if (typeof value !== 'string') {
      throw undecodable(`${goKind(value)} into Go struct field jsonPatchOp.${name} of type string`);
    }
  }
}

function undecodable(what: string): ApiError {
  return new ApiError('BadRequest', `error decoding patch: json: cannot unmarshal ${what}`);
}

function goKind(value: unknown): string {
  if (isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

type Container = JsonDraft | unknown[];

/** One patch under way. */
class Patching {
  document: unknown;
  /** Containers made by this patch, which it may therefore change. */
  #owned = new Set<unknown>();
  #copiedBytes = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  apply(operation: JsonObject): void {
    const kind = (memberOf(operation, 'op') ?? 'unknown') as string;
    const path = memberOf(operation, 'path') as string | null | undefined;
    const from = memberOf(operation, 'from') as string | null | undefined;
    const value = memberOf(operation, 'value') ?? null;
    if (kind === 'move' || kind === 'copy') {
      if (from === undefined || from === null) throw unprocessable(`${kind} needs a from`);
      const moved = this.#take(from, { removes: kind === 'move' });
      this.#add(needed(path, kind), moved);
      return;
    }
    switch (kind) {
      case 'add':
        return this.#add(needed(path, kind), value);
      case 'remove':
        return this.#remove(needed(path, kind));
      case 'replace':
        return this.#replace(needed(path, kind), value);
      case 'test':
        return this.#test(needed(path, kind), value);
      default:
        throw unprocessable(`Unexpected kind: ${kind}`);
    }
  }

  #add(path: string, value: unknown): void {
    const { container, key } = this.#open(path);
    if (!isArray(container)) return setMember(container, key, value);
    if (key === '-') return void container.push(value);
    const index = parseIndex(key);
    const at = index < 0 ? index + container.length + 1 : index;
    if (at < 0 || at > container.length) throw noSuchIndex(path);
    container.splice(at, 0, value);
  }

  #remove(path: string): void {
    const { container, key } = this.#open(path);
    if (isArray(container)) return void container.splice(existingIndex(container, key), 1);
    if (!has(container, key)) throw unprocessable(`Unable to remove nonexistent key: ${path}`);
    delete container[key];
  }

  #replace(path: string, value: unknown): void {
    if (path === '') {
      if (!isArray(value) && !isObject(value)) {
        throw unprocessable('replace operation value must be object or array');
      }
      this.document = value;
      return;
    }
    const { container, key } = this.#open(path);
    if (isArray(container)) container[existingIndex(container, key)] = value;
    else setMember(container, key, value);
  }

  #test(path: string, expected: unknown): void {
    const actual = path === '' ? this.document : read(this.#find(path));
    if (!isSameJson(actual ?? null, expected)) throw unprocessable(`testing value ${path} failed`);
  }

  #take(from: string, { removes }: { removes: boolean }): unknown {
    const value = read(this.#find(from)) ?? null;
    if (removes) this.#remove(from);
    else {
      this.#copiedBytes += new TextEncoder().encode(JSON.stringify(value)).length;
      if (this.#copiedBytes > maxCopiedBytes) throw unprocessable('copies too much');
      this.#owned = new Set(); // the value stands in two places now and may be changed in neither
    }
    return value;
  }

  /** The container that `path` points into and the last step, without changing anything. */
  #find(path: string): Place {
    const steps = stepsOf(path);
    const key = steps.pop()!;
    let container: unknown = this.document;
    for (const step of steps) {
      if (!isArray(container) && !isObject(container)) throw noSuchPath(path);
      container = isArray(container)
        ? container[existingIndex(container, step)]
        : memberOf(container, step);
    }
    if (!isArray(container) && !isObject(container)) throw noSuchPath(path);
    return { container: container as Container, key };
  }

  /** The same with every container on the way made this patch's own. */
  #open(path: string): Place {
    this.#find(path);
    const steps = stepsOf(path);
    const key = steps.pop()!;
    let container = this.#own(this.document);
    this.document = container;
    for (const step of steps) {
      if (isArray(container)) {
        const index = existingIndex(container, step);
        container = container[index] = this.#own(container[index]);
      } else {
        const inner = this.#own(memberOf(container, step));
        setMember(container, step, inner);
        container = inner;
      }
    }
    return { container, key };
  }

  #own(container: unknown): Container {
    if (this.#owned.has(container)) return container as Container;
    const copy = isArray(container) ? [...container] : { ...(container as JsonObject) };
    this.#owned.add(copy);
    return copy;
  }
}

interface Place {
  readonly container: Container;
  readonly key: string;
}

function read({ container, key }: Place): unknown {
  return isArray(container) ? container[existingIndex(container, key)] : memberOf(container, key);
}

function needed(path: string | null | undefined, kind: string): string {
  if (path === undefined || path === null) throw unprocessable(`${kind} needs a path`);
  return path;
}

/** RFC 6901; whatever stands before the first slash does not count. */
function stepsOf(path: string): string[] {
  const [, ...steps] = path.split('/');
  if (steps.length === 0) throw noSuchPath(path);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function existingIndex(container: readonly unknown[], key: string): number {
  const index = parseIndex(key);
  const at = index < 0 ? index + container.length : index;
  if (at < 0 || at >= container.length) throw noSuchIndex(key);
  return at;
}

function parseIndex(key: string): number {
  if (!/^[+-]?\d{1,15}$/.test(key)) {
    throw unprocessable(`value was not a proper array index: '${key}'`);
  }
  return Number(key);
}

function noSuchPath(path: string): ApiError {
  return unprocessable(`doc is missing path: "${path}"`);
}

function noSuchIndex(index: string): ApiError {
  return unprocessable(`Unable to access invalid index: ${index}`);
}
