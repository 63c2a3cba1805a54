/**
 * Writes the TypeScript wire types from the observed shape of the API (src/shared/api/schema/types.json):
 * one file per group and version. They say what is on the wire once the server has stored an object:
 * a member is optional exactly when Kubernetes may leave it out.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeDescriptions } from './api-descriptions.ts';

interface Field {
  readonly t: string;
  readonly o?: 'e' | 'z';
  readonly p?: 1;
  readonly e?: readonly string[];
  readonly inline?: 1;
}
interface Type {
  readonly f?: Readonly<Record<string, Field>>;
  readonly gvk?: readonly string[];
  readonly jsonUnion?: unknown;
  /** Set for a named list type: the wire type of its items. */
  readonly list?: string;
}

const root = join(import.meta.dirname, '..');
const { types } = JSON.parse(
  readFileSync(join(root, 'src/shared/api/schema/types.json'), 'utf8'),
) as { types: Readonly<Record<string, Type>> };

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  int32: 'number',
  int64: 'number',
  float64: 'number',
  bool: 'boolean',
  time: 'string',
  microTime: 'string',
  duration: 'string',
  bytes: 'string',
  quantity: 'string',
  intOrString: 'number | string',
  rawExtension: 'unknown',
  json: 'unknown',
  any: 'unknown',
  fieldsV1: 'unknown',
};

const moduleOf = (typeName: string): string => typeName.split('.').slice(0, 2).join('-');
const shortName = (typeName: string): string => typeName.split('.').slice(2).join('.');
const pathOf = (module: string): string =>
  module === 'meta-v1' ? 'src/shared/kube/types/meta-v1.ts' : `src/shared/api/types/${module}.ts`;
const specifierOf = (module: string): string => pathOf(module).replace(/^src\//, '#');

function typeScript(wire: string, uses: (typeName: string) => string): string {
  if (wire.startsWith('list:')) return `readonly ${bracketed(typeScript(wire.slice(5), uses))}[]`;
  if (wire.startsWith('map:'))
    return `Readonly<Record<string, ${typeScript(wire.slice(4), uses)}>>`;
  if (wire.startsWith('ref:')) return uses(wire.slice(4));
  const scalar = scalars[wire];
  if (!scalar) throw new Error(`types.json names an unknown wire type ${wire}`);
  return scalar;
}

const bracketed = (type: string): string => (type.includes(' ') ? `(${type})` : type);

/** Go writes a value struct even when it is empty; everything else that is `omitempty` may be absent. */
function isAlwaysWritten({ t, o, p }: Field): boolean {
  if (p) return false;
  return o === undefined || (o === 'e' && t.startsWith('ref:'));
}

/** What the server gives to every object that it stores. */
function isStoredIdentity(typeName: string, key: string): boolean {
  return (
    typeName === 'meta.v1.ObjectMeta' &&
    ['name', 'uid', 'resourceVersion', 'creationTimestamp'].includes(key)
  );
}

function declaration(typeName: string, type: Type, uses: (name: string) => string): string {
  const name = shortName(typeName);
  if (type.list) return `export type ${name} = ${typeScript(`list:${type.list}`, uses)};\n`;
  if (!type.f) return `export type ${name} = Readonly<Record<string, never>>;\n`;
  if (type.jsonUnion) {
    const arms = Object.values(type.f).map((field) => typeScript(field.t, uses));
    return `export type ${name} = ${[...new Set(arms)].join(' | ')};\n`;
  }
  const parents: string[] = [];
  const members: string[] = [];
  for (const [key, field] of Object.entries(type.f)) {
    if (key === '~TypeMeta') {
      const [gvk] = type.gvk ?? [];
      const kind = gvk?.split('/').at(-1);
      const apiVersion = gvk?.split('/').slice(0, -1).join('/');
      members.push(
        `  readonly apiVersion: ${apiVersion && type.gvk?.length === 1 ? `'${apiVersion}'` : 'string'};`,
        `  readonly kind: ${kind ? `'${kind}'` : 'string'};`,
      );
    } else if (field.inline || key.startsWith('~')) parents.push(typeScript(field.t, uses));
    else {
      const label = /^[A-Za-z_]\w*$/.test(key) ? key : `'${key}'`;
      const isOptional = !isAlwaysWritten(field) && !isStoredIdentity(typeName, key);
      const wire = typeScript(field.t, uses);
      // Only a whole object carries an identity; the metadata of a template in it does not.
      const value = wire === 'ObjectMeta' && !type.gvk ? 'Partial<ObjectMeta>' : wire;
      members.push(`  readonly ${label}${isOptional ? '?' : ''}: ${value};`);
    }
  }
  const heritage = parents.length > 0 ? ` extends ${parents.join(', ')}` : '';
  return `export interface ${name}${heritage} {\n${members.join('\n')}\n}\n`;
}

interface Module {
  readonly declarations: string[];
  readonly imports: Map<string, Set<string>>;
}

const modules = new Map<string, Module>();
for (const [typeName, type] of Object.entries(types)) {
  const module = moduleOf(typeName);
  const file: Module = modules.get(module) ?? { declarations: [], imports: new Map() };
  modules.set(module, file);
  const uses = (used: string): string => {
    const from = moduleOf(used);
    if (from !== module) {
      const names = file.imports.get(from) ?? new Set<string>();
      file.imports.set(from, names.add(shortName(used)));
    }
    return shortName(used);
  };
  file.declarations.push(declaration(typeName, type, uses));
}

for (const [module, { declarations, imports }] of modules) {
  const importLines = [...imports].map(
    ([from, names]) =>
      `import type { ${[...names].toSorted().join(', ')} } from '${specifierOf(from)}';`,
  );
  const text = [
    '// Generated by scripts/generate-api.ts; not edited by hand.',
    ...importLines,
    '',
    ...declarations,
  ].join('\n');
  const path = join(root, pathOf(module));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

writeDescriptions(root, Object.keys(types));
