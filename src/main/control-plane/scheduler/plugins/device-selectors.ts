import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import type { Device, DeviceAttribute } from '#shared/api/types/resource-v1.ts';
import {
  compareQuantities,
  mustParse,
  parseQuantity,
  type Quantity,
} from '#shared/kube/quantity.ts';

/** A quantity as CEL expressions see it. */
class CelQuantity {
  readonly amount: Quantity;

  constructor(amount: Quantity) {
    this.amount = amount;
  }
}

/** A semantic version as CEL expressions see it. */
class CelVersion {
  readonly parts: readonly number[];
  readonly preRelease: string;

  constructor(text: string) {
    const match = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(text);
    if (!match) throw new Error(`"${text}" is not a semantic version`);
    this.parts = match.slice(1, 4).map(Number);
    this.preRelease = match[4] ?? '';
  }
}

type Domains = Map<string, Map<string, unknown>>;

/** A map in which every domain exists: asking for an unknown one gives an empty map. */
function createDomains(): Domains {
  const domains: Domains = new Map();
  const get = domains.get.bind(domains);
  // The evaluator takes nothing but plain maps, so the one instance behaves differently.
  domains.get = (domain) => get(domain) ?? new Map<string, unknown>();
  domains.has = () => true;
  return domains;
}

const environment = new Environment({ enableOptionalTypes: true })
  .registerType('Quantity', CelQuantity)
  .registerType('Semver', CelVersion)
  .registerVariable('device', 'map')
  .registerFunction(
    'quantity(string): Quantity',
    (text: string) => new CelQuantity(mustParse(text)),
  )
  .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
  .registerFunction('semver(string): Semver', (text: string) => new CelVersion(text));

for (const [type, compare] of [
  ['Quantity', (a: never, b: never) => compareAmounts(a, b)],
  ['Semver', (a: never, b: never) => compareVersions(a, b)],
] as const) {
  environment
    .registerFunction(`${type}.compareTo(${type}): int`, (a: never, b: never) =>
      BigInt(compare(a, b)),
    )
    .registerFunction(
      `${type}.isGreaterThan(${type}): bool`,
      (a: never, b: never) => compare(a, b) > 0,
    )
    .registerFunction(
      `${type}.isLessThan(${type}): bool`,
      (a: never, b: never) => compare(a, b) < 0,
    );
}

const compiled = new Map<string, ParseResult>();
const cacheLimit = 1000;

/** Whether a CEL expression of a device class or a claim means this device. Throws where CEL fails. */
export function deviceMatches(expression: string, driver: string, device: Device): boolean {
  let evaluate = compiled.get(expression);
  if (!evaluate) {
    evaluate = environment.parse(expression);
    if (compiled.size >= cacheLimit) compiled.clear();
    compiled.set(expression, evaluate);
  }
  const result: unknown = evaluate({ device: inCel(driver, device) });
  if (typeof result !== 'boolean') throw new Error(`"${expression}" does not give a bool`);
  return result;
}

function inCel(driver: string, { attributes = {}, capacity = {} }: Device): unknown {
  return {
    driver,
    attributes: byDomain(driver, attributes, attributeInCel),
    capacity: byDomain(driver, capacity, ({ value }) => new CelQuantity(mustParse(value))),
  };
}

/** Names without a domain belong to the driver's. */
function byDomain<T>(
  driver: string,
  values: Readonly<Record<string, T>>,
  convert: (value: T) => unknown,
): Domains {
  const domains = createDomains();
  for (const [qualified, value] of Object.entries(values)) {
    const slash = qualified.indexOf('/');
    const domain = slash < 0 ? driver : qualified.slice(0, slash);
    const members = domains.get(domain) ?? new Map<string, unknown>();
    domains.set(domain, members.set(qualified.slice(slash + 1), convert(value)));
  }
  return domains;
}

function attributeInCel({ string, int, bool, version }: DeviceAttribute): unknown {
  if (string !== undefined) return string;
  if (int !== undefined) return BigInt(int);
  if (bool !== undefined) return bool;
  return version === undefined ? undefined : new CelVersion(version);
}

function compareAmounts(a: CelQuantity, b: CelQuantity): number {
  return compareQuantities(a.amount, b.amount);
}

/** By precedence as semver.org defines it; a pre-release comes before its release. */
function compareVersions(a: CelVersion, b: CelVersion): number {
  for (const [index, part] of a.parts.entries()) {
    const difference = part - (b.parts[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  if (a.preRelease === b.preRelease) return 0;
  if (!a.preRelease || !b.preRelease) return a.preRelease ? -1 : 1;
  return a.preRelease < b.preRelease ? -1 : 1;
}
