import { whatIf } from '../features/scheduling/actions.ts';
import { newObject } from '../features/yaml/actions.ts';
import { addSimulatedNodes } from '../features/nodes/add-simulated.ts';
import { useAdding } from '../features/nodes/use-adding.ts';
import { openForwards } from '../features/containers/actions.ts';
import { kindId, useKinds } from './kinds.ts';
import { useDialogs } from './dialogs.ts';
import { useDock } from './dock.ts';
import { useNotices } from './notices.ts';
import { usePlace } from './place.ts';
import { sections } from './sections.ts';
import { sectionOf } from './links.ts';
import { useSelection } from './selection.ts';
import { useSession } from './session.ts';
import { themes, useTheme } from './theme.ts';

/** One thing that the palette can do. */
export interface Command {
  readonly id: string;
  readonly title: string;
  /** What it is about, beside the title. */
  readonly about: string;
  readonly key?: string;
  readonly run: () => void;
}

/** All that can be done now, what is nearest first. */
export function commandsNow(): readonly Command[] {
  return [
    ...onSelection(),
    ...goingPlaces(),
    ...openingKinds(),
    ...creating(),
    ...ofTheCluster(),
    ...addingNodes(),
    ...settings(),
  ];
}

function onSelection(): readonly Command[] {
  const { current, actions, run } = useSelection();
  if (!current) return [];
  const { kind, keys } = current;
  const about = keys.length === 1 ? `${kind.kind} ${keys[0]!}` : `${keys.length} ${kind.plural}`;
  return actions.map(({ id, title, key }) => ({
    id: `action ${id}`,
    title,
    about,
    ...(key !== undefined && { key }),
    run: () => run(id),
  }));
}

function goingPlaces(): readonly Command[] {
  const place = usePlace();
  return sections.map(({ id, title, key }) => ({
    id: `section ${id}`,
    title: `Go to ${title}`,
    about: 'section',
    key: `g ${key}`,
    run: () => place.go({ section: id, kind: '' }),
  }));
}

function creating(): readonly Command[] {
  const kinds = useKinds().kinds.filter(({ verbs }) => verbs.includes('create'));
  return kinds.map((kind) => ({
    id: `new ${kindId(kind)}`,
    title: `New ${kind.kind}`,
    about: kindId(kind),
    run: () => void newObject(kind),
  }));
}

function openingKinds(): readonly Command[] {
  const place = usePlace();
  return useKinds().kinds.map((kind) => ({
    id: `kind ${kindId(kind)}`,
    title: `${kind.kind} list`,
    about: [kindId(kind), ...kind.shortNames].join(' '),
    run: () => place.go({ section: sectionOf(kind), kind: kindId(kind) }),
  }));
}

function ofTheCluster(): readonly Command[] {
  const { health } = useSession();
  const place = usePlace();
  if (!health) return [];
  const { cluster, kubeconfig, server } = health;
  return [
    {
      id: 'forwarded ports',
      title: 'Show forwarded ports',
      about: cluster,
      run: openForwards,
    },
    {
      id: 'copy kubeconfig',
      title: 'Copy the command that points kubectl here',
      about: cluster,
      run: () => void copy(`export KUBECONFIG=${kubeconfig}`),
    },
    {
      id: 'copy server',
      title: 'Copy the address of the API',
      about: cluster,
      run: () => void copy(server),
    },
    ...(place.namespace === ''
      ? []
      : [
          {
            id: 'all namespaces',
            title: 'Show all namespaces',
            about: `now ${place.namespace}`,
            run: () => place.go({ namespace: '' }),
          },
        ]),
  ];
}

function addingNodes(): readonly Command[] {
  const place = usePlace();
  const adding = useAdding();
  const open = (door: 'ssh' | 'local'): void => {
    place.go({ section: 'nodes', kind: '' });
    adding.open(door);
  };
  return [
    { title: 'Add a machine over SSH as a node', run: () => open('ssh') },
    { title: 'Add this machine as a node', run: () => open('local') },
    { title: 'Add simulated nodes …', run: () => void addSimulatedNodes() },
  ].map((command) => ({ id: command.title, about: 'nodes', ...command }));
}

const themeTitles = {
  system: 'Colours as the system has them',
  light: 'Light colours',
  dark: 'Dark colours',
} as const;

function settings(): readonly Command[] {
  const theme = useTheme();
  const dialogs = useDialogs();
  const dock = useDock();
  return [
    ...themes.map((each) => ({
      id: `theme ${each}`,
      title: themeTitles[each],
      about: 'setting',
      run: () => theme.choose(each),
    })),
    {
      id: 'settings',
      title: 'Settings',
      about: '',
      key: 'Mod+,',
      run: () => dialogs.show('settings'),
    },
    {
      id: 'keys',
      title: 'Show what keys do',
      about: '',
      key: '?',
      run: () => dialogs.show('keys'),
    },
    {
      id: 'what if',
      title: 'What if … : see placements before anything is real',
      about: 'scheduling',
      run: () => whatIf(),
    },
    {
      id: 'history',
      title: 'Tasks and notifications',
      about: 'dock',
      run: () => dock.open({ kind: 'history', title: 'Tasks and notifications' }),
    },
  ];
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  useNotices().tell({ tone: 'good', text: 'Copied', detail: text });
}
