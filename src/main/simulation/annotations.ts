import type { Pod } from '#shared/api/types/core-v1.ts';

/** How a simulated pod is to live, as its annotations ask; docs/simulation.md tells people of them. */
export interface PodPlan {
  /** From the start of the pod until its containers run, and for each init container. */
  readonly startMs: number;
  /** From running to ready; `never` for a pod that stays unready. */
  readonly readyMs: number | 'never';
  /** How long the containers run; absent: until the pod is deleted. */
  readonly exitMs: number | undefined;
  readonly exitCode: number;
  /** How long the containers take to end when the pod is deleted; the grace period at most. */
  readonly terminateMs: number;
}

export const annotations = {
  startAfter: 'pilothouse.dev/start-after',
  readyAfter: 'pilothouse.dev/ready-after',
  exitAfter: 'pilothouse.dev/exit-after',
  exitCode: 'pilothouse.dev/exit-code',
  terminateAfter: 'pilothouse.dev/terminate-after',
} as const;

const defaultPlan: PodPlan = {
  startMs: 100,
  readyMs: 0,
  exitMs: undefined,
  exitCode: 0,
  terminateMs: 0,
};

/** What cannot be understood counts as not said. */
export function planOf({ metadata }: Pod): PodPlan {
  const given = metadata.annotations;
  if (!given) return defaultPlan;
  const duration = (key: string): number | undefined => parseDuration(given[key]);
  const code = Number(given[annotations.exitCode] ?? defaultPlan.exitCode);
  const isNeverReady = given[annotations.readyAfter] === 'never';
  return {
    startMs: duration(annotations.startAfter) ?? defaultPlan.startMs,
    readyMs: isNeverReady ? 'never' : (duration(annotations.readyAfter) ?? defaultPlan.readyMs),
    exitMs: duration(annotations.exitAfter) ?? (given[annotations.exitCode] ? 0 : undefined),
    exitCode: Number.isInteger(code) && code >= 0 && code <= 255 ? code : 1,
    terminateMs: duration(annotations.terminateAfter) ?? defaultPlan.terminateMs,
  };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `5s`, `1m30s`; a bare number is in seconds. */
function parseDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(value) * units[unit!]!;
  return total;
}
