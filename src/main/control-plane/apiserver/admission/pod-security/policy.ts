import { baselineChecks } from '#main/control-plane/apiserver/admission/pod-security/baseline-checks.ts';
import type {
  Check,
  CheckedPod,
  CheckPod,
  Violation,
} from '#main/control-plane/apiserver/admission/pod-security/check.ts';
import { restrictedChecks } from '#main/control-plane/apiserver/admission/pod-security/restricted-checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';

const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];

export interface LevelVersion {
  readonly level: Level;
  /** The minor version whose rules hold, or the newest. */
  readonly version: number | 'latest';
}

/** What a namespace's labels ask for. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const prefix = 'pod-security.kubernetes.io/';
const privileged: LevelVersion = { level: 'privileged', version: 'latest' };

/**
 * The policy of a namespace. There always is one: labels that cannot be understood count as the
 * strictest for enforcement and as none for warnings, and are told besides.
 */
export function policyOf(labels: Readonly<Record<string, string>> = {}): {
  readonly policy: Policy;
  readonly errors: readonly FieldError[];
} {
  const errors: FieldError[] = [];
  const enforce = parseMode('enforce', labels, errors);
  const audit = parseMode('audit', labels, errors);
  let warn = parseMode('warn', labels, errors);
  const enforceLevel = labels[`${prefix}enforce`];
  const isStricter = rank(enforce.level) > rank(warn.level);
  if (isLevel(enforceLevel) && labels[`${prefix}warn`] === undefined && isStricter) {
    const hasVersion = labels[`${prefix}warn-version`] !== undefined;
    warn = { level: enforce.level, version: hasVersion ? warn.version : enforce.version };
  }
  return { policy: { enforce, audit, warn }, errors };
}

function parseMode(
  mode: keyof Policy,
  labels: Readonly<Record<string, string>>,
  errors: FieldError[],
): LevelVersion {
  let { level, version } = privileged;
  const levelLabel = `${prefix}${mode}`;
  const wantedLevel = labels[levelLabel];
  if (isLevel(wantedLevel)) level = wantedLevel;
  else if (wantedLevel !== undefined) {
    level = mode === 'enforce' ? 'restricted' : 'privileged';
    errors.push(labelError(levelLabel, wantedLevel, `must be one of ${levels.join(', ')}`));
  }
  const versionLabel = `${prefix}${mode}-version`;
  const wantedVersion = labels[versionLabel];
  if (wantedVersion !== undefined && wantedVersion !== 'latest') {
    const minor = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(wantedVersion)?.[1];
    if (minor !== undefined) version = Number(minor);
    else errors.push(labelError(versionLabel, wantedVersion, 'must be "latest" or "v1.x"'));
  }
  return { level, version };
}

function labelError(label: string, value: string, detail: string): FieldError {
  return invalidValue(`metadata.labels[${label}]`, value, detail);
}

function isLevel(text: string | undefined): text is Level {
  return text !== undefined && (levels as readonly string[]).includes(text);
}

export function rank(level: Level): number {
  return levels.indexOf(level);
}

export function isSameLevel(left: LevelVersion, right: LevelVersion): boolean {
  return left.level === right.level && left.version === right.version;
}

/** `restricted:latest`, `baseline:v1.30` */
export function formatLevel({ level, version }: LevelVersion): string {
  return `${level}:${version === 'latest' ? version : `v1.${version}`}`;
}

const allChecks = [...baselineChecks, ...restrictedChecks];
/** The last version that brought a change; later ones are the same. */
const newest = Math.max(...allChecks.flatMap(({ versions }) => versions.map(({ since }) => since)));
const compiled = new Map<string, readonly CheckPod[]>();

/** Everything about a pod that the level forbids, baseline first. */
export function violationsOf(wanted: LevelVersion, pod: CheckedPod): readonly Violation[] {
  if (wanted.level === 'privileged') return [];
  const version = wanted.version === 'latest' ? newest : Math.min(wanted.version, newest);
  const key = `${wanted.level}:${version}`;
  let checks = compiled.get(key);
  if (!checks) compiled.set(key, (checks = checksOf(wanted.level, version)));
  return checks.flatMap((check) => check(pod) ?? []);
}

function checksOf(level: Level, version: number): readonly CheckPod[] {
  const at = ({ versions }: Check): CheckPod | undefined =>
    versions.findLast(({ since }) => since <= version)?.check;
  const restricted = level === 'restricted' ? restrictedChecks.filter(at) : [];
  const overridden = new Set(restricted.flatMap(({ overrides = [] }) => overrides));
  return [...baselineChecks.filter(({ id }) => !overridden.has(id)), ...restricted].flatMap(
    (check) => at(check) ?? [],
  );
}

/** `host namespaces (hostNetwork=true), privileged (container "c" must …)` */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason))
    .join(', ');
}
