import type { LibraryEntry } from '#shared/cel/functions.ts';
import { Opaque } from '#shared/cel/library/opaque.ts';
import { traversal } from '#shared/cel/library/sizes.ts';
import { CelError } from '#shared/cel/values.ts';

const type = 'kubernetes.Semver';

interface Version {
  readonly numbers: readonly bigint[];
  readonly preRelease: readonly string[];
}

type CelVersion = Opaque<Version>;

const strict =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*))?(?:\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?$/;

/** A semantic version as expressions see it; throws where the text is none. */
export function celVersion(text: string, normalizes = false): CelVersion {
  const version = parse(normalizes ? normalized(text) : text);
  if (!version) throw new CelError(problemOf(text));
  return new Opaque(type, version, (left, right) => compare(left, right) === 0);
}

const compareTo = (left: CelVersion, right: CelVersion): bigint =>
  BigInt(compare(left.content, right.content));

export const versions: readonly LibraryEntry[] = [
  [`semver(string): ${type}`, (text: string) => celVersion(text), traversal(0)],
  [`semver(string, bool): ${type}`, celVersion, traversal(0)],
  ['isSemver(string): bool', (text: string) => parse(text) !== undefined, traversal(0)],
  [
    'isSemver(string, bool): bool',
    (text: string, normalizes: boolean) =>
      parse(normalizes ? normalized(text) : text) !== undefined,
    traversal(0),
  ],
  [`${type}::isGreaterThan(${type}): bool`, (a: CelVersion, b: CelVersion) => compareTo(a, b) > 0n],
  [`${type}::isLessThan(${type}): bool`, (a: CelVersion, b: CelVersion) => compareTo(a, b) < 0n],
  [`${type}::compareTo(${type}): int`, compareTo],
  [`${type}::major(): int`, ({ content }: CelVersion) => content.numbers[0]!],
  [`${type}::minor(): int`, ({ content }: CelVersion) => content.numbers[1]!],
  [`${type}::patch(): int`, ({ content }: CelVersion) => content.numbers[2]!],
];

function parse(text: string): Version | undefined {
  const match = strict.exec(text);
  if (!match) return undefined;
  const [, major = '', minor = '', patch = '', preRelease] = match;
  return {
    numbers: [major, minor, patch].map(BigInt),
    preRelease: preRelease?.split('.') ?? [],
  };
}

/** `v1.2` is 1.2.0, and leading zeros say nothing. */
function normalized(text: string): string {
  const [, core = '', rest = ''] = /^v?([^-+]*)(.*)$/s.exec(text) ?? [];
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + rest;
}

function problemOf(text: string): string {
  if (text === '') return 'Version string empty';
  const parts = text.split('.');
  if (parts.length < 3) return 'No Major.Minor.Patch elements found';
  return `Invalid semantic version ${JSON.stringify(text)}`;
}

/** By precedence as semver.org defines it; a pre-release comes before its release. */
function compare(left: Version, right: Version): number {
  for (const [index, number] of left.numbers.entries()) {
    const other = right.numbers[index]!;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (left.preRelease.length === 0 || right.preRelease.length === 0) {
    return Math.sign(right.preRelease.length - left.preRelease.length);
  }
  for (const [index, part] of left.preRelease.entries()) {
    const other = right.preRelease[index];
    if (other === undefined) return 1;
    const order = compareParts(part, other);
    if (order !== 0) return order;
  }
  return left.preRelease.length === right.preRelease.length ? 0 : -1;
}

function compareParts(left: string, right: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isNumber && isOtherNumber) {
    const [a, b] = [BigInt(left), BigInt(right)];
    return a === b ? 0 : a < b ? -1 : 1;
  }
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
