import type { PolicyMeaning } from '#shared/policy/index.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { PodGroup } from './groups.ts';
import { portsText } from './words.ts';

/** An arrow between two boxes of the drawing, by their ids. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly tone: 'good' | 'bad';
  /** It is what somebody asked about, not what a policy opens. */
  readonly isAsked?: boolean;
}

/** Boxes for what is no pod. */
export const anyone = 'anyone';
export const outside = (cidr: string): string => `outside ${cidr}`;

export interface PolicyDrawing {
  /** Groups that have a pod which the policy selects. */
  readonly selected: ReadonlySet<string>;
  readonly edges: readonly Edge[];
  /** Boxes that stand outside of the cluster. */
  readonly extra: readonly string[];
}

/** Whom a policy selects, and an arrow for each opening. */
export function drawingOf(
  { selected, openings }: PolicyMeaning,
  groupOf: ReadonlyMap<string, PodGroup>,
): PolicyDrawing {
  const ids = (pods: PolicyMeaning['selected']): ReadonlySet<string> =>
    new Set(pods.flatMap(({ metadata }) => groupOf.get(keyOf(metadata))?.id ?? []));
  const subjects = ids(selected);
  const edges = new Map<string, { from: string; to: string; texts: Set<string> }>();
  for (const { direction, peers, ports } of openings) {
    const others =
      peers === 'anyone'
        ? [anyone]
        : [...ids(peers.pods), ...peers.blocks.map(({ cidr }) => outside(cidr))];
    for (const subject of subjects)
      for (const other of others) {
        const [from, to] = direction === 'ingress' ? [other, subject] : [subject, other];
        if (from === to) continue;
        const key = `${from} → ${to}`;
        const edge = edges.get(key) ?? { from, to, texts: new Set<string>() };
        edges.set(key, edge);
        edge.texts.add(portsText(ports));
      }
  }
  const drawn = [...edges.values()].map(({ from, to, texts }): Edge => ({
    from,
    to,
    text: [...texts].join(', '),
    tone: 'good',
  }));
  const isOutside = (id: string): boolean => id === anyone || id.startsWith('outside ');
  const extra = [...new Set(drawn.flatMap(({ from, to }) => [from, to]).filter(isOutside))].sort();
  return { selected: subjects, edges: drawn, extra };
}
