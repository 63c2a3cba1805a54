import { layout, type Json } from './facts.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  network: ['POD', 'CONTAINER', 'NODE', 'TARGET'],
  pid: ['POD', 'CONTAINER', 'NODE', 'TARGET'],
  ipc: ['POD', 'CONTAINER', 'NODE', 'TARGET'],
  mode: ['POD', 'CONTAINER', 'NODE', 'TARGET'],
  profile_type: ['RuntimeDefault', 'Unconfined', 'Localhost'],
  protocol: ['TCP', 'UDP', 'SCTP'],
  propagation: [
    'PROPAGATION_PRIVATE',
    'PROPAGATION_HOST_TO_CONTAINER',
    'PROPAGATION_BIDIRECTIONAL',
  ],
  supplemental_groups_policy: ['Merge', 'Strict'],
};
const usual: ReadonlyMap<string, string> = new Map([
  ['masked_paths', JSON.stringify(layout.maskedPaths)],
  ['readonly_paths', JSON.stringify(layout.readonlyPaths)],
]);
/** 64-bit numbers are strings in protobuf's JSON. */
const wide = /^(cpu_|memory_|oom_score_adj$|value$|supplemental_groups$|limit$)/;

/** A config as the facts keep it: protobuf's own names, defaults left out. */
export function containerConfigShape(config: Json): Json {
  const shaped = shape(config, '') as Record<string, Json>;
  const image = shaped['image'] as Record<string, Json> | undefined;
  if (image && Array.isArray(shaped['envs']))
    shaped['envs'] = environment(shaped['envs'] as Json[]);
  const mounts = shaped['mounts'] as Record<string, Json>[] | undefined;
  for (const mount of mounts ?? [])
    mount['host_path'] = (mount['host_path'] as string).replace(
      /(\/containers\/[^/]+\/)[0-9a-f]{8}$/,
      '$1$HEX',
    );
  const annotations = shaped['annotations'] as Record<string, Json> | undefined;
  if (annotations?.['io.kubernetes.container.hash'])
    annotations['io.kubernetes.container.hash'] = '$HASH';
  return shaped;
}

function shape(value: Json, name: string): Json {
  if (Array.isArray(value)) {
    if (usual.get(name) === JSON.stringify(value)) return '$DEFAULT';
    return value.map((one) => shape(one as Json, name));
  }
  if (typeof value === 'number')
    return names[name]?.[value] ?? (wide.test(name) ? String(value) : value);
  if (typeof value !== 'object' || value === null) return value;
  const isMap = name === 'labels' || name === 'annotations' || name === 'sysctls';
  const entries = Object.entries(value).flatMap(([key, one]): [string, Json][] => {
    const own = isMap ? key : snake(key);
    if (!isMap && isDefault(one, own)) return [];
    return [[own, shape(one, own)]];
  });
  return Object.fromEntries(
    entries.filter(([key, one]) => !(key === 'namespace_options' && one === null)),
  );
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isDefault(value: Json, name: string): boolean {
  if (value === '' || value === 0 || value === false || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  const isMap = name === 'labels' || name === 'annotations' || name === 'sysctls';
  return isMap && Object.keys(value as object).length === 0;
}

const serviceVariable =
  /^[A-Z0-9_]+_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** By name: the runtime is given them in no certain order. */
function environment(envs: Json[]): Json {
  const pairs = envs.map((one) => one as { readonly key: string; readonly value?: string });
  const own = pairs
    .filter(({ key }) => !serviceVariable.test(key))
    .map(({ key, value = '' }) => [key, value]);
  return [...own.toSorted((a, b) => (a[0]! < b[0]! ? -1 : 1)), '$SERVICE_VARIABLES (order varies)'];
}
