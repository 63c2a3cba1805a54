/** The parts of upstream's KubeSchedulerConfiguration that are served, as they stand in a file. */
export interface SchedulerConfiguration {
  readonly profiles?: readonly ProfileConfiguration[];
  /** 0 adapts to the number of nodes. */
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
}

export interface ProfileConfiguration {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: Readonly<Partial<Record<ExtensionPoint, PluginSet>>>;
  readonly pluginConfig?: readonly { readonly name: string; readonly args: object }[];
}

export interface PluginSet {
  readonly enabled?: readonly { readonly name: string; readonly weight?: number }[];
  /** The name `*` means all defaults. */
  readonly disabled?: readonly { readonly name: string }[];
}

export type ExtensionPoint =
  | 'multiPoint'
  | 'preEnqueue'
  | 'queueSort'
  | 'preFilter'
  | 'filter'
  | 'postFilter'
  | 'preScore'
  | 'score'
  | 'reserve'
  | 'permit'
  | 'preBind'
  | 'bind'
  | 'postBind';

export const defaultSchedulerName = 'default-scheduler';
export const defaultInitialBackoffSeconds = 1;
export const defaultMaxBackoffSeconds = 10;
