import {
  hasLogs,
  hasPorts,
  hasShell,
  openForward,
  openLogs,
  openShell,
} from '../features/containers/actions.ts';
import { label, restart, scale } from '../features/lists/bulk-actions.ts';
import { useDeletion } from '../features/lists/deletion.ts';
import { whatIf } from '../features/scheduling/actions.ts';
import { editYaml } from '../features/yaml/actions.ts';
import { kindId, type Kind } from './kinds.ts';
import { usePlace } from './place.ts';

/** Something that people do with objects of a kind: from a list, a panel or the palette. */
export interface ObjectAction {
  readonly id: string;
  /** A verb phrase: `Delete …`. The dots say that it asks first. */
  readonly title: string;
  readonly key?: string;
  /** Can be done with many at once. */
  readonly isBulk?: boolean;
  isFor(kind: Kind): boolean;
  /** `keys` are `namespace/name`; at least one, exactly one unless it is for many. */
  run(kind: Kind, keys: readonly string[]): void;
}

const scalable = new Set(['deployments.apps', 'statefulsets.apps', 'replicasets.apps']);
const restartable = new Set(['deployments.apps', 'statefulsets.apps', 'daemonsets.apps']);

export const objectActions: readonly ObjectAction[] = [
  {
    id: 'edit',
    title: 'Edit YAML',
    key: 'e',
    isFor: ({ verbs }) => verbs.includes('get') && verbs.includes('patch'),
    run: (kind, [key = '']) => editYaml(kind, key),
  },
  {
    id: 'logs',
    title: 'Logs',
    key: 'l',
    isFor: hasLogs,
    run: (kind, [key = '']) => openLogs(kind, key),
  },
  {
    id: 'shell',
    title: 'Open a shell',
    key: 's',
    isFor: hasShell,
    run: (kind, [key = '']) => void openShell(kind, key),
  },
  {
    id: 'forward',
    title: 'Forward a port …',
    key: 'f',
    isFor: hasPorts,
    run: (kind, [key = '']) => void openForward(kind, key),
  },
  {
    id: 'why-placed',
    title: 'Why this node, or none',
    isFor: (kind) => kindId(kind) === 'pods',
    run: (_kind, [object = '']) => usePlace().go({ section: 'scheduling', kind: '', object }),
  },
  {
    id: 'what-if-drained',
    title: 'What if it were drained',
    isFor: (kind) => kindId(kind) === 'nodes',
    run: (_kind, [drain = '']) => whatIf({ drain }),
  },
  {
    id: 'scale',
    title: 'Scale …',
    isBulk: true,
    isFor: (kind) => scalable.has(kindId(kind)),
    run: (kind, keys) => void scale(kind, keys),
  },
  {
    id: 'restart',
    title: 'Restart …',
    isBulk: true,
    isFor: (kind) => restartable.has(kindId(kind)),
    run: (kind, keys) => void restart(kind, keys),
  },
  {
    id: 'label',
    title: 'Label …',
    isBulk: true,
    isFor: ({ verbs }) => verbs.includes('patch'),
    run: (kind, keys) => void label(kind, keys),
  },
  {
    id: 'delete',
    title: 'Delete …',
    key: 'd',
    isBulk: true,
    isFor: ({ verbs }) => verbs.includes('delete'),
    run: (kind, keys) => useDeletion().ask(kind, keys),
  },
];

/** What can be done with these, as bindings and buttons. */
export function actionsFor(kind: Kind, keys: readonly string[]): readonly ObjectAction[] {
  if (keys.length === 0) return [];
  return objectActions.filter(
    ({ isBulk, isFor }) => isFor(kind) && (isBulk === true || keys.length === 1),
  );
}
