import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Observations of a real API server: what it refuses, accepts, adds and prints. */

export type Json = Record<string, unknown>;
type PatchOperation = { readonly op: string; readonly path: string; readonly value?: unknown };
export type Patch = readonly PatchOperation[];
/** Reason and field. */
export type Cause = readonly [string, string];

export interface Probe {
  /** Such as `v1/pods#rich`. */
  readonly base: string;
  /** Such as `v1/pods`. */
  readonly resource: string;
  readonly verb: 'create' | 'update';
  readonly patch: Patch;
  readonly expected: Answer;
}

export interface Answer {
  readonly status: number;
  readonly reason?: string;
  readonly causes?: readonly Cause[];
}

export interface Defaulted {
  readonly kind: string;
  readonly variant: string;
  readonly in: Json;
  readonly add?: readonly [string, unknown][];
  readonly chg?: readonly [string, unknown, unknown][];
  readonly del?: readonly [string, unknown][];
  readonly code: number;
  readonly warnings?: number;
  readonly cells?: readonly unknown[];
}

interface Refused {
  readonly b: string;
  readonly v: 'create' | 'update';
  readonly p: Patch;
  readonly s: number;
  readonly r?: string;
  readonly c?: readonly Cause[];
}

interface ValidationFacts {
  readonly bases: Readonly<Record<string, Json>>;
  readonly refused: readonly Refused[];
  readonly accepted: Readonly<Record<string, readonly Patch[]>>;
}

export function readFacts(file: string): unknown {
  const bytes = readFileSync(new URL(`../data/api/${file}`, import.meta.url));
  const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return expanded(JSON.parse(text.toString('utf8')));
}

const facts = readFacts('validation.json.gz') as ValidationFacts;

export const bases = facts.bases;

export const refusedProbes: readonly Probe[] = facts.refused.map(({ b, v, p, s, r, c }) => ({
  base: b,
  resource: resourceOf(b),
  verb: v,
  patch: p,
  expected: { status: s, ...(r && { reason: r }), causes: c ?? [] },
}));

export const acceptedProbes: readonly Probe[] = Object.entries(facts.accepted).flatMap(
  ([key, patches]) => {
    const [base = '', verb] = key.split(' ');
    return patches.map((patch) => ({
      base,
      resource: resourceOf(base),
      verb: verb as 'create' | 'update',
      patch,
      expected: { status: verb === 'create' ? 201 : 200 },
    }));
  },
);

export function resourceOf(base: string): string {
  return base.split('#')[0]!;
}

/** `{"$repeat": "a", "n": 3}` stands for `aaa`. */
function expanded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expanded);
  if (typeof value !== 'object' || value === null) return value;
  const { $repeat, n, ...others } = value as { $repeat?: string; n?: number };
  if (typeof $repeat === 'string' && Object.keys(others).length === 0) return $repeat.repeat(n!);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expanded(item)]));
}
