import { actions, type EventInterest } from './cluster-events.ts';
import {
  defaultSchedulerName,
  type ExtensionPoint,
  type PluginSet,
  type ProfileConfiguration,
} from './configuration.ts';
import { defaultPlugins, type DefaultPlugin } from './plugins/index.ts';
import type { Plugin, PluginContext } from './plugin.ts';

export interface ScorePlugin {
  readonly plugin: Plugin;
  readonly weight: number;
}

/** The plugins that decide about the pods of one `schedulerName`, by extension point. */
export interface Profile {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore: number | undefined;
  readonly plugins: readonly Plugin[];
  readonly isBefore: NonNullable<Plugin['isBefore']>;
  readonly preEnqueue: readonly Plugin[];
  readonly preFilter: readonly Plugin[];
  readonly filter: readonly Plugin[];
  /** The filters that look at one node alone, as far as they come before all others. */
  readonly localFilters: ReadonlySet<Plugin>;
  readonly postFilter: readonly Plugin[];
  readonly preScore: readonly Plugin[];
  readonly score: readonly ScorePlugin[];
  readonly reserve: readonly Plugin[];
  readonly permit: readonly Plugin[];
  readonly preBind: readonly Plugin[];
  readonly bind: readonly Plugin[];
  readonly postBind: readonly Plugin[];
  readonly interests: ReadonlyMap<string, readonly EventInterest[]>;
}

interface Enabled {
  readonly name: string;
  readonly weight: number;
}

const hooks: Readonly<Record<Exclude<ExtensionPoint, 'multiPoint'>, keyof Plugin>> = {
  preEnqueue: 'preEnqueue',
  queueSort: 'isBefore',
  preFilter: 'preFilter',
  filter: 'filter',
  postFilter: 'postFilter',
  preScore: 'preScore',
  score: 'score',
  reserve: 'reserve',
  permit: 'permit',
  preBind: 'preBind',
  bind: 'bind',
  postBind: 'postBind',
};

/** Makes every plugin of a profile, with its arguments, and sorts them into extension points. */
export function createProfile(
  context: PluginContext,
  configuration: ProfileConfiguration = {},
): Profile {
  const { schedulerName = defaultSchedulerName, plugins: sets = {} } = configuration;
  const multiPoint = enabledPlugins(sets.multiPoint);
  const made = new Map<string, Plugin>();
  const pluginOf = ({ name }: Enabled): Plugin => {
    let plugin = made.get(name);
    if (!plugin) made.set(name, (plugin = make(name, context, configuration)));
    return plugin;
  };
  const at = (point: Exclude<ExtensionPoint, 'multiPoint'>): readonly (Enabled & ScorePlugin)[] =>
    pluginsAt(multiPoint, sets[point])
      .map((enabled) => ({ ...enabled, plugin: pluginOf(enabled) }))
      .filter(({ plugin }) => plugin[hooks[point]] !== undefined);
  const only = (point: Exclude<ExtensionPoint, 'multiPoint'>): readonly Plugin[] =>
    at(point).map(({ plugin }) => plugin);
  const [sort] = only('queueSort');
  if (!sort?.isBefore) throw new Error(`Profile ${schedulerName} has no queue sort plugin`);
  const points = {
    preEnqueue: only('preEnqueue'),
    preFilter: only('preFilter'),
    filter: only('filter'),
    postFilter: only('postFilter'),
    preScore: only('preScore'),
    score: at('score').map(({ plugin, weight }) => ({ plugin, weight: weight || 1 })),
    reserve: only('reserve'),
    permit: only('permit'),
    preBind: only('preBind'),
    bind: only('bind'),
    postBind: only('postBind'),
  };
  const plugins = [...made.values()];
  return {
    schedulerName,
    percentageOfNodesToScore: configuration.percentageOfNodesToScore,
    plugins,
    isBefore: sort.isBefore,
    ...points,
    localFilters: leadingLocal(points.filter),
    interests: new Map(
      plugins.flatMap(({ name, events }) => (events ? [[name, withTaints(events)]] : [])),
    ),
  };
}

function leadingLocal(filters: readonly Plugin[]): ReadonlySet<Plugin> {
  const end = filters.findIndex(({ isNodeLocal }) => !isNodeLocal);
  return new Set(end < 0 ? filters : filters.slice(0, end));
}

/** Who waits for new nodes is told of changed taints too, as upstream does for whatever reason. */
function withTaints(events: readonly EventInterest[]): readonly EventInterest[] {
  const ofNodes = events.filter(({ resource }) => resource === 'Node');
  const has = (action: number): boolean => ofNodes.some((event) => (event.action & action) !== 0);
  if (!has(actions.add) || has(actions.updateNodeTaint)) return events;
  return [...events, { resource: 'Node', action: actions.updateNodeTaint }];
}

/** The defaults without what is disabled, with weights as they are overridden, then what is added. */
function enabledPlugins({ enabled = [], disabled = [] }: PluginSet = {}): readonly Enabled[] {
  const off = new Set(disabled.map(({ name }) => name));
  const own = new Map(enabled.map(({ name, weight }) => [name, weight]));
  const defaults = defaultPlugins
    .map(({ factory: { name }, weight }) => ({ name, weight: own.get(name) || weight }))
    .filter(({ name }) => own.has(name) || !(off.has(name) || off.has('*')));
  const known = new Set(defaults.map(({ name }) => name));
  const added = enabled.filter(({ name }) => !known.has(name));
  return [...defaults, ...added.map(({ name, weight = 0 }) => ({ name, weight }))];
}

/** What a set for one extension point makes of the plugins enabled at all of them. */
function pluginsAt(
  multiPoint: readonly Enabled[],
  { enabled = [], disabled = [] }: PluginSet = {},
): readonly Enabled[] {
  const off = new Set(disabled.map(({ name }) => name));
  const own = new Map(enabled.map(({ name, weight = 0 }) => [name, weight]));
  const kept = multiPoint
    .filter(({ name }) => own.has(name) || !(off.has(name) || off.has('*')))
    .map(({ name, weight }) => ({ name, weight: own.get(name) || weight }));
  const known = new Set(kept.map(({ name }) => name));
  const added = [...own].filter(([name]) => !known.has(name));
  return [...kept, ...added.map(([name, weight]) => ({ name, weight }))];
}

function make(name: string, context: PluginContext, configuration: ProfileConfiguration): Plugin {
  const known: DefaultPlugin | undefined = defaultPlugins.find(
    ({ factory }) => factory.name === name,
  );
  if (!known) throw new Error(`There is no scheduler plugin ${name}`);
  const own = configuration.pluginConfig?.find((entry) => entry.name === name)?.args;
  return known.factory.create(context, { ...known.args, ...own } as never);
}
