import type { Node, NodeSelector } from '#shared/api/types/core-v1.ts';
import type {
  AllocationResult,
  Device,
  DeviceAllocationConfiguration,
  DeviceAttribute,
  DeviceClass,
  DeviceConstraint,
  DeviceSelector,
  DeviceToleration,
  ResourceClaim,
  ResourceSlice,
} from '#shared/api/types/resource-v1.ts';
import { isTolerated } from '#shared/kube/tolerations.ts';
import { poolsFor, type DevicePool, type PooledDevice } from './device-pools.ts';
import { deviceMatches } from './device-selectors.ts';

export interface AllocationInput {
  readonly claims: readonly ResourceClaim[];
  readonly slices: readonly ResourceSlice[];
  /** Ids of devices that others have. */
  readonly taken: ReadonlySet<string>;
  classOf(name: string): DeviceClass | undefined;
}

/** One way to satisfy a request: itself, or one of its alternatives. */
interface Alternative {
  /** `request` or `request/alternative`. */
  readonly name: string;
  readonly class: DeviceClass;
  readonly selectors: readonly DeviceSelector[];
  readonly tolerations: readonly DeviceToleration[];
  readonly isAdmin: boolean;
  readonly wantsAll: boolean;
  readonly count: number;
}

interface Chosen {
  readonly claim: number;
  readonly alternative: Alternative;
  readonly device: PooledDevice;
}

interface Work {
  readonly input: AllocationInput;
  readonly pools: readonly DevicePool[];
  /** By claim, then by request. */
  readonly wanted: readonly (readonly (readonly Alternative[])[])[];
  readonly chosen: Chosen[];
  readonly inUse: Set<string>;
}

/** An API server takes no more devices in one claim. */
const maxDevices = 32;

/** Devices on the node for all claims together, one result for each; nothing when that cannot be. */
export function allocateDevices(
  node: Node,
  input: AllocationInput,
): readonly AllocationResult[] | undefined {
  const pools = poolsFor(node, input.slices);
  const wanted = input.claims.map((claim) =>
    claim.spec.devices.requests.map((request) => alternativesOf(claim, request, input)),
  );
  const work: Work = { input, pools, wanted, chosen: [], inUse: new Set(input.taken) };
  if (!allocateFrom(work, 0, 0)) return undefined;
  return input.claims.map((claim, index) =>
    resultOf(
      claim,
      work.chosen.filter((one) => one.claim === index),
    ),
  );
}

function alternativesOf(
  { metadata }: ResourceClaim,
  request: ResourceClaim['spec']['devices']['requests'][number],
  { classOf }: AllocationInput,
): readonly Alternative[] {
  const parts = request.exactly
    ? [{ ...request.exactly, name: request.name }]
    : (request.firstAvailable ?? []).map((sub) => ({
        ...sub,
        name: `${request.name}/${sub.name}`,
      }));
  return parts.map((part) => {
    const deviceClass = classOf(part.deviceClassName);
    if (!deviceClass)
      throw new Error(
        `claim ${metadata.namespace}/${metadata.name}, request ${part.name}: could not retrieve device class ${part.deviceClassName}`,
      );
    return {
      name: part.name,
      class: deviceClass,
      selectors: [...(deviceClass.spec.selectors ?? []), ...(part.selectors ?? [])],
      tolerations: part.tolerations ?? [],
      isAdmin: 'adminAccess' in part && part.adminAccess === true,
      wantsAll: part.allocationMode === 'All',
      count: part.count ?? 1,
    };
  });
}

/** Satisfies the requests from this one on, going back on choices that lead nowhere. */
function allocateFrom(work: Work, claim: number, request: number): boolean {
  const requests = work.wanted[claim];
  if (!requests) return true;
  const alternatives = requests[request];
  if (!alternatives) return allocateFrom(work, claim + 1, 0);
  return alternatives.some((alternative) => {
    const next = (): boolean => allocateFrom(work, claim, request + 1);
    return alternative.wantsAll
      ? allocateAll(work, { claim, alternative }, next)
      : allocateCount(work, { claim, alternative }, { left: alternative.count, next });
  });
}

interface Task {
  readonly claim: number;
  readonly alternative: Alternative;
}

/** Every device that is meant, or none. */
function allocateAll(work: Work, task: Task, next: () => boolean): boolean {
  for (const { name, isIncomplete, isInvalid } of work.pools) {
    if (!isIncomplete && !isInvalid) continue;
    const state = isInvalid ? 'currently invalid' : 'currently being updated';
    throw new Error(
      `request ${task.alternative.name}: asks for all devices, but resource pool ${name} is ${state}`,
    );
  }
  const devices = work.pools.flatMap((pool) =>
    pool.devices.filter((device) => isMeant(device, task.alternative)),
  );
  if (devices.length === 0) return false;
  const before = work.chosen.length;
  const isDone = devices.every((device) => take(work, task, device)) && next();
  if (!isDone) while (work.chosen.length > before) giveBack(work);
  return isDone;
}

function allocateCount(
  work: Work,
  task: Task,
  { left, next }: { readonly left: number; readonly next: () => boolean },
): boolean {
  if (left === 0) return next();
  for (const { isIncomplete, isInvalid, devices } of work.pools) {
    if (isIncomplete || isInvalid) continue;
    for (const device of devices) {
      if (!isMeant(device, task.alternative) || !take(work, task, device)) continue;
      if (allocateCount(work, task, { left: left - 1, next })) return true;
      giveBack(work);
    }
  }
  return false;
}

/** False when somebody has the device or the claim's constraints forbid it. */
function take(work: Work, { claim, alternative }: Task, device: PooledDevice): boolean {
  const own = work.chosen.filter((one) => one.claim === claim);
  const isFree = alternative.isAdmin
    ? !own.some((one) => one.device.id === device.id)
    : !work.inUse.has(device.id);
  if (!isFree || own.length >= maxDevices) return false;
  if (device.device.taints?.some((taint) => keepsAway(taint, alternative))) return false;
  const one = { claim, alternative, device };
  const constraints = work.input.claims[claim]?.spec.devices.constraints ?? [];
  if (!constraints.every((constraint) => holds(constraint, [...own, one]))) return false;
  work.chosen.push(one);
  if (!alternative.isAdmin) work.inUse.add(device.id);
  return true;
}

function giveBack(work: Work): void {
  const one = work.chosen.pop();
  if (one && !one.alternative.isAdmin) work.inUse.delete(one.device.id);
}

/** Devices with conditions or shared counters need more than this allocator does. */
function isMeant({ device, driver }: PooledDevice, { selectors }: Alternative): boolean {
  if (device.bindingConditions?.length || device.consumesCounters?.length) return false;
  return selectors.every(({ cel }) => cel && deviceMatches(cel.expression, driver, device));
}

function keepsAway(
  taint: NonNullable<Device['taints']>[number],
  { tolerations }: Alternative,
): boolean {
  if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') return false;
  return !isTolerated(taint, tolerations);
}

/** All devices of the named requests have the attribute, with one value or with different ones. */
function holds(
  { requests, matchAttribute, distinctAttribute }: DeviceConstraint,
  chosen: readonly Chosen[],
): boolean {
  const name = matchAttribute ?? distinctAttribute;
  if (name === undefined) throw new Error('empty constraint (unsupported constraint type?)');
  const values = new Set<string>();
  const concerned = chosen.filter(({ alternative }) => isNamed(requests, alternative.name));
  for (const { device } of concerned) {
    const attribute = attributeOf(device, name);
    if (!attribute) return false;
    values.add(JSON.stringify(attribute));
  }
  return matchAttribute === undefined ? values.size === concerned.length : values.size <= 1;
}

/** A request's name means its alternatives too; no names mean all. */
function isNamed(names: readonly string[] | undefined, name: string): boolean {
  if (!names?.length) return true;
  return names.includes(name) || names.includes(name.split('/')[0] ?? '');
}

function attributeOf({ device, driver }: PooledDevice, name: string): DeviceAttribute | undefined {
  const { attributes = {} } = device;
  const slash = name.indexOf('/');
  const own = name.slice(0, slash) === driver ? attributes[name.slice(slash + 1)] : undefined;
  return attributes[name] ?? own;
}

function resultOf(claim: ResourceClaim, chosen: readonly Chosen[]): AllocationResult {
  const nodeSelector = nodeSelectorOf(chosen);
  const config = configOf(claim, chosen);
  return {
    devices: {
      results: chosen.map(({ alternative, device }) => ({
        request: alternative.name,
        driver: device.driver,
        pool: device.pool,
        device: device.device.name,
        ...(alternative.isAdmin && { adminAccess: true }),
        ...(alternative.tolerations.length > 0 && { tolerations: alternative.tolerations }),
      })),
      ...(config.length > 0 && { config }),
    },
    ...(nodeSelector && { nodeSelector }),
  };
}

/** The configuration of the classes, then the claim's own as far as it concerns what was chosen. */
function configOf(
  { spec }: ResourceClaim,
  chosen: readonly Chosen[],
): readonly DeviceAllocationConfiguration[] {
  const byClass = new Map<DeviceClass, Set<string>>();
  for (const { alternative } of chosen) {
    const names = byClass.get(alternative.class) ?? new Set();
    byClass.set(alternative.class, names.add(alternative.name));
  }
  const ofClasses = [...byClass].flatMap(([deviceClass, names]) =>
    (deviceClass.spec.config ?? []).map((config) => ({
      source: 'FromClass',
      requests: [...names],
      ...config,
    })),
  );
  const ofClaim = (spec.devices.config ?? [])
    .filter(({ requests }) => chosen.some(({ alternative }) => isNamed(requests, alternative.name)))
    .map((config) => ({ source: 'FromClaim', ...config }));
  return [...ofClasses, ...ofClaim];
}

/** Where all of the devices can be used; nothing for everywhere. */
function nodeSelectorOf(chosen: readonly Chosen[]): NodeSelector | undefined {
  const fields: NonNullable<NodeSelector['nodeSelectorTerms'][number]['matchFields']>[number][] =
    [];
  const expressions: typeof fields = [];
  for (const { device } of chosen) {
    const { nodeName, nodeSelector } = device.slice.spec.perDeviceNodeSelection
      ? device.device
      : device.slice.spec;
    if (nodeName) {
      const field = { key: 'metadata.name', operator: 'In', values: [nodeName] };
      return { nodeSelectorTerms: [{ matchFields: [field] }] };
    }
    for (const { matchFields = [], matchExpressions = [] } of nodeSelector?.nodeSelectorTerms ??
      []) {
      fields.push(...matchFields);
      expressions.push(...matchExpressions);
    }
  }
  if (fields.length + expressions.length === 0) return undefined;
  return {
    nodeSelectorTerms: [
      {
        ...(expressions.length > 0 && { matchExpressions: expressions }),
        ...(fields.length > 0 && { matchFields: fields }),
      },
    ],
  };
}
