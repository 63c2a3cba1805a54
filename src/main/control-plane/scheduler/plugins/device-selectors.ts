import type { Device, DeviceAttribute } from '#shared/api/types/resource-v1.ts';
import { compileDeviceSelector, deviceType } from '#shared/api/resource/device-expressions.ts';
import { perCallLimit, type Program } from '#shared/cel/environment.ts';
import { celQuantity } from '#shared/cel/library/quantities.ts';
import { celVersion } from '#shared/cel/library/versions.ts';
import { MadeMap, type CelMap, type CelValue } from '#shared/cel/values.ts';
import { mustParse } from '#shared/kube/quantity.ts';

/** A map in which every domain exists: asking for an unknown one gives an empty map. */
class Domains extends MadeMap {
  override get(domain: CelValue): CelValue {
    return super.get(domain) ?? new MadeMap();
  }
}

const compiled = new Map<string, Program>();
const cacheLimit = 1000;

/** Whether a CEL expression of a device class or a claim means this device. Throws where CEL fails. */
export function deviceMatches(expression: string, driver: string, device: Device): boolean {
  const value = inCel(driver, device);
  const result = programOf(expression).evaluate((name) => (name === 'device' ? value : undefined), {
    cost: 0,
    limit: perCallLimit,
  });
  if (typeof result !== 'boolean') throw new Error(`"${expression}" does not give a bool`);
  return result;
}

function programOf(expression: string): Program {
  const known = compiled.get(expression);
  if (known) return known;
  const result = compileDeviceSelector(expression);
  if ('problem' in result) throw new Error(result.problem);
  if (compiled.size >= cacheLimit) compiled.clear();
  compiled.set(expression, result.program);
  return result.program;
}

function inCel(driver: string, { attributes = {}, capacity = {} }: Device): CelMap {
  return new MadeMap(deviceType)
    .set('driver', driver)
    .set('attributes', byDomain(driver, attributes, attributeInCel))
    .set(
      'capacity',
      byDomain(driver, capacity, ({ value }) => celQuantity(mustParse(value))),
    );
}

/** Names without a domain belong to the driver's. */
function byDomain<T>(
  driver: string,
  values: Readonly<Record<string, T>>,
  convert: (value: T) => CelValue,
): CelMap {
  const domains = new Map<string, MadeMap>();
  for (const [qualified, value] of Object.entries(values)) {
    const slash = qualified.indexOf('/');
    const domain = slash < 0 ? driver : qualified.slice(0, slash);
    const members = domains.get(domain) ?? new MadeMap();
    domains.set(domain, members.set(qualified.slice(slash + 1), convert(value)));
  }
  const all = new Domains();
  for (const [domain, members] of domains) all.set(domain, members);
  return all;
}

function attributeInCel({ string: text, int, bool, version }: DeviceAttribute): CelValue {
  if (text !== undefined) return text;
  if (int !== undefined) return BigInt(int);
  if (bool !== undefined) return bool;
  return version === undefined ? null : celVersion(version);
}
