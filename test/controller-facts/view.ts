import type { Pod } from '#shared/api/types/core-v1.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

interface Meta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
}

/** Turns what a cluster holds into the words of the recorded facts. */
export class View {
  readonly #namespace: string;
  readonly #showsNodes: boolean;
  readonly #defaultNodes: ReadonlySet<string>;
  readonly #names = new Map<string, string>();
  readonly #uids = new Map<string, string>();

  constructor(namespace: string, defaultNodes: ReadonlySet<string>, showsNodes: boolean) {
    this.#showsNodes = showsNodes;
    this.#namespace = namespace;
    this.#defaultNodes = defaultNodes;
  }

  /** Remembers an object's identity, so that references to it can be told right or wrong. */
  learn({ metadata }: { readonly metadata: Meta }): void {
    const { name, generateName, uid } = metadata;
    if (uid) this.#uids.set(uid, name);
    if (
      generateName &&
      name.startsWith(generateName) &&
      !/-\d+$/.test(name.slice(generateName.length - 1))
    )
      this.#names.set(name, `${generateName}<r>`);
  }

  name(name: string): string {
    return minutes(this.text(this.#names.get(name) ?? name));
  }

  text(text: string): string {
    return text.replaceAll(this.#namespace, '<ns>');
  }

  state(pod: Pod): string {
    const { phase } = pod.status;
    if (pod.metadata.deletionTimestamp) return 'terminating';
    if (phase === 'Failed' || phase === 'Succeeded') return phase;
    if (!pod.spec.nodeName) return 'Pending';
    if (phase !== 'Running') return 'Pending';
    return pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
      ? 'ready'
      : 'unready';
  }

  line(pod: Pod): string {
    const labels = pod.metadata.labels ?? {};
    const revision = labels['controller-revision-hash']?.replace(/^.*-(?=[^-]+$)/, '') ?? '';
    const node = pod.spec.nodeName ?? '';
    const shown = this.#showsNodes && node && !this.#defaultNodes.has(node) ? this.text(node) : '';
    return [this.name(pod.metadata.name), revision, shown, this.state(pod)]
      .filter(Boolean)
      .join(' ');
  }

  /** A whole object, without what differs on each run or is the server's own. */
  object(object: unknown): Json {
    return this.#walk(object, []) as Json;
  }

  #walk(value: unknown, path: readonly string[]): unknown {
    const key = path.at(-1) ?? '';
    if (Array.isArray(value)) {
      if (key === 'conditions') return conditionsOf(value);
      const shown = value.filter((item) => !isServersOwn(item, key));
      return shown.map((item) => this.#walk(item, [...path, '#']));
    }
    if (typeof value === 'string') return this.#string(value, key, path);
    if (typeof value !== 'object' || value === null) return value;
    const entries: [string, unknown][] = [];
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined || isHidden(name, member, path, this.#namespace)) continue;
      if (name === 'uid') entries.push([name, this.#uid(member as string, value as Meta)]);
      else entries.push([this.text(name), this.#walk(member, [...path, name])]);
    }
    return Object.fromEntries(entries);
  }

  #uid(uid: string, of: Meta): string {
    const owner = this.#uids.get(uid);
    return owner === undefined || owner === of.name ? '<uid>' : '<other uid>';
  }

  #string(value: string, key: string, path: readonly string[]): string {
    if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)) return '<t>';
    if (key === 'podCIDR') return '<cidr>';
    if (value.startsWith('192.0.2.')) return value;
    if (path.at(-2) === 'addresses' || key === 'ip') return '<ip>';
    if (key === '#' && path.at(-2) === 'addresses') return '<ip>';
    if (key.endsWith('controller-uid')) return '<uid>';
    if (key === 'kubernetes.io/service-account.uid') return '<uid>';
    if (key === 'nodeName' && (!this.#showsNodes || this.#defaultNodes.has(value))) return '<node>';
    if (key === 'job-name' || key === 'batch.kubernetes.io/job-name' || key === 'name')
      return minutes(this.name(value));
    return minutes(this.text(this.#names.get(value) ?? value));
  }
}

/** A CronJob's Jobs are named by their minute. */
function minutes(text: string): string {
  return text.replace(/-(29|30|31)\d{6}\b/, '-<minutes>');
}

interface Shown {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly observedGeneration?: number;
}

function conditionsOf(list: readonly unknown[]): Json {
  const shown: Record<string, string> = {};
  for (const item of list as readonly Shown[]) {
    const { type, status, reason, observedGeneration } = item;
    const generation = observedGeneration !== undefined ? `@${observedGeneration}` : '';
    shown[type] = `${status}${reason ? `/${reason}` : ''}${generation}`;
  }
  return shown;
}

function isHidden(
  name: string,
  member: unknown,
  path: readonly string[],
  namespace: string,
): boolean {
  const parent = path.at(-1);
  if (path.length === 0 && (name === 'apiVersion' || name === 'kind')) return true;
  if (name === 'resourceVersion') return true;
  if (parent !== 'metadata') return false;
  if (
    ['resourceVersion', 'creationTimestamp', 'managedFields', 'selfLink', 'generateName'].includes(
      name,
    )
  )
    return true;
  if (name === 'uid' || name === 'deletionGracePeriodSeconds') return true;
  return name === 'namespace' && member === namespace;
}

/** The API server gives every pod a token and two tolerations. */
function isServersOwn(item: unknown, list: string): boolean {
  const { name, key, tolerationSeconds } = (item ?? {}) as {
    readonly name?: string;
    readonly key?: string;
    readonly tolerationSeconds?: number;
  };
  if (list === 'tolerations')
    return (
      tolerationSeconds === 300 && /^node.kubernetes.io\/(not-ready|unreachable)$/.test(key ?? '')
    );
  return (
    (list === 'volumes' || list === 'volumeMounts') && (name ?? '').startsWith('kube-api-access-')
  );
}
