import type { KubeObject } from '#shared/kube/object.ts';
import type { Column } from '#shared/kube/resource.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

/** What kubectl's tables have in common, worded as upstream's printers. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  format: 'name',
  value: ({ metadata }) => metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  value: ({ metadata }, now) => since(metadata.creationTimestamp, now),
};

export const createdAtColumn: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  value: ({ metadata }) => metadata.creationTimestamp ?? null,
};

/** A duration as people read it: two units at most, fewer as it grows. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / second);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(ms / minute);
  if (minutes < 10) return withRest(`${minutes}m`, seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(ms / hour);
  if (hours < 8) return withRest(`${hours}h`, minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return withRest(`${days}d`, hours % 24, 'h');
  if (days < 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  if (days < 365 * 8) return withRest(`${years}y`, days % 365, 'd');
  return `${years}y`;
}

function withRest(text: string, rest: number, unit: string): string {
  return rest === 0 ? text : `${text}${rest}${unit}`;
}

/** How long ago that was; `<unknown>` where nobody said when. */
export function since(time: string | null | undefined, now: number): string {
  return time ? humanDuration(now - Date.parse(time)) : '<unknown>';
}

export function orNone(text: string | undefined): string {
  return text || '<none>';
}

export function orUnset(text: string | undefined): string {
  return text || '<unset>';
}

/** `a=b,c=d`, sorted; `<none>` without labels. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return orNone(keys.map((key) => `${key}=${labels![key]}`).join(','));
}

/** A selector in kubectl's notation: `a=b,c in (d,e),!f`; `<none>` for an empty one. */
export function formatSelector(selector: LabelSelector | undefined): string {
  return orNone(selectorText(selector));
}

/** As `formatSelector`, '' for an empty one. */
export function selectorText(selector: LabelSelector | undefined): string {
  if (!selector) return '';
  const requirements = [
    ...Object.entries(selector.matchLabels ?? {}).map(
      ([key, value]) => [key, `${key}=${value}`] as const,
    ),
    ...(selector.matchExpressions ?? []).map(
      ({ key, operator, values = [] }) =>
        [key, requirementText(key, operator, [...values].sort())] as const,
    ),
  ];
  return requirements
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([, text]) => text)
    .join(',');
}

function requirementText(key: string, operator: string, values: readonly string[]): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      return `${key} ${operator} ${values.join(',')}`;
  }
}

interface Named {
  readonly name: string;
  readonly image?: string;
}

interface Templated {
  readonly spec: {
    readonly template?: { readonly spec: { readonly containers: readonly Named[] } };
  };
}

/** Names and images of a workload's containers, with `-o wide`. */
export function containerColumns<T extends KubeObject & Templated>(): readonly Column<T>[] {
  const containers = ({ spec }: T): readonly Named[] => spec.template?.spec.containers ?? [];
  return [
    {
      name: 'Containers',
      priority: 1,
      value: (object) =>
        containers(object)
          .map(({ name }) => name)
          .join(','),
    },
    {
      name: 'Images',
      priority: 1,
      value: (object) =>
        containers(object)
          .map(({ image }) => image ?? '')
          .join(','),
    },
  ];
}
