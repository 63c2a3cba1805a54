import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import type { HostFiles, LogFiles } from './layout.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** What is waited for, all of it; a ready pod where nothing is said. */
export interface Until {
  readonly phase?: string;
  readonly waiting?: string;
  readonly restarts?: number;
  readonly running?: string;
  readonly terminated?: string;
  readonly event?: string;
  readonly count?: number;
  readonly cond?: Readonly<Record<string, string>>;
  readonly ready?: boolean;
  readonly notReady?: boolean;
  readonly gone?: boolean;
  readonly seconds?: number;
  readonly resized?: Json;
  readonly max?: number;
}

export interface Step {
  readonly exec?: readonly string[];
  readonly c?: string;
  readonly stdin?: string;
  readonly save?: string;
  readonly sleep?: number;
  readonly until?: Until;
  readonly del?: { readonly grace?: number; readonly wait?: boolean };
  readonly snap?: string;
  readonly patch?: Json;
  readonly sub?: string;
  readonly type?: 'merge';
  readonly set?: KubeJson;
  readonly create?: KubeJson;
  readonly get?: string;
}

export interface KubeJson {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Type, reason, component, field path, count. */
export type SeenEvent = readonly [string, string, string, string, number];

export interface Scenario {
  readonly name: string;
  readonly family: string;
  readonly before?: readonly KubeJson[];
  readonly pod: KubeJson;
  readonly until?: Until;
  readonly settle?: number;
  readonly steps?: readonly Step[];
  readonly late?: boolean;
  readonly logs?: boolean;
  readonly skip?: readonly string[];
  readonly tm?: boolean;
  readonly long?: number;
  readonly seen: {
    /** What lay on the node before the steps. */
    readonly files?: HostFiles;
    readonly rawLogs?: LogFiles;
    /** Code and reason where the API does not take the pod. */
    readonly refused?: Json;
    readonly final?: Json;
    readonly events: readonly SeenEvent[];
    readonly logs?: Readonly<Record<string, Json>>;
    readonly got?: Readonly<Record<string, Json>>;
    readonly cri?: {
      readonly sandbox?: Json;
      readonly containers?: Readonly<Record<string, Json>>;
    };
  };
}

const folder = join(import.meta.dirname, '../data/kubelet');

interface Layout {
  /** What containers see nothing of, and what they may not change, unless a pod says otherwise. */
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly files: Readonly<Record<string, HostFiles>>;
  readonly logs: Readonly<Record<string, LogFiles>>;
}

export const layout = JSON.parse(readFileSync(join(folder, 'layout.json'), 'utf8')) as Layout;

export function readScenarios(): readonly Scenario[] {
  const text = gunzipSync(readFileSync(join(folder, 'pods.json.gz'))).toString('utf8');
  const { scenarios } = JSON.parse(text) as { scenarios: Scenario[] };
  return scenarios.map((one) => {
    const { [one.name]: files } = layout.files;
    const { [one.name]: rawLogs } = layout.logs;
    return { ...one, seen: { ...one.seen, ...(files && { files }), ...(rawLogs && { rawLogs }) } };
  });
}
