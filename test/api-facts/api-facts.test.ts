import { describe, expect, it } from 'vitest';
import { createdAtColumn, nameColumn } from '#shared/api/columns.ts';
import { resources } from '#shared/api/index.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';
import { defaulted, differences, stored } from './defaults.ts';
import { acceptedProbes, readFacts, refusedProbes, type Probe } from './facts.ts';
import { MissingState, resourceAt, send } from './in-process.ts';
import { play, type Played } from './player.ts';

/**
 * Plays what was observed of a real API server against the kinds' own functions. Admission (403) is not
 * theirs; what else depends on a whole server is named below.
 */

/** Answers that need the state of a server or were recorded by accident, per resource. */
const known: Readonly<Record<string, number>> = {
  // `policies: []` does not survive decoding; half of them were played against a changed reference.
  'autoscaling/v2/horizontalpodautoscalers': 16,
  // Tokens are the server's; so is whom the rules are about.
  'authentication.k8s.io/v1/tokenreviews': 4,
  'authorization.k8s.io/v1/selfsubjectrulesreviews': 4,
  // A taint that admission adds moves an index.
  'v1/nodes': 1,
  // One cause more where a term loses its key.
  'v1/persistentvolumes': 1,
  // A LimitRange of the namespace.
  'v1/pods': 4,
  // Addresses that the allocator refuses.
  'v1/services': 6,
};

const probes = [...refusedProbes, ...acceptedProbes].filter(
  ({ expected }) => expected.status !== 403,
);

describe('probes answered as observed', () => {
  for (const [resource, items] of Map.groupBy(probes, (probe) => probe.resource)) {
    it(`${resource} (${items.length})`, async () => {
      const wrong = (await Promise.all(items.map(disagreement))).filter(
        (text) => text !== undefined,
      );
      expect(wrong.slice(known[resource] ?? 0)).toEqual([]);
    });
  }
});

async function disagreement(probe: Probe): Promise<string | undefined> {
  let played: Played;
  try {
    played = await play(probe, send);
  } catch (error) {
    if (error instanceof MissingState) return undefined;
    throw error;
  }
  if (played.verdict !== 'different') return undefined;
  const { base, verb, patch, expected } = probe;
  return `${base} ${verb} ${JSON.stringify(patch)}: ${JSON.stringify(played.actual)}, not ${JSON.stringify(expected)}`;
}

/** What admission, allocators and authentication add, as the beginnings of pointers. */
const added: Readonly<Record<string, readonly string[]>> = {
  'authentication.k8s.io/v1/selfsubjectreviews': ['/status'],
  'authentication.k8s.io/v1/tokenreviews': ['/status'],
  'authorization.k8s.io/v1/selfsubjectaccessreviews': ['/status'],
  'authorization.k8s.io/v1/selfsubjectrulesreviews': ['/status', '/spec/namespace'],
  'certificates.k8s.io/v1/certificatesigningrequests': [
    '/spec/extra',
    '/spec/groups',
    '/spec/username',
  ],
  'storage.k8s.io/v1/volumeattributesclasses': ['/metadata/finalizers'],
  'v1/nodes': ['/spec/taints'],
  'v1/persistentvolumeclaims': ['/metadata/finalizers'],
  'v1/persistentvolumes': ['/metadata/finalizers'],
  'v1/pods': ['/metadata/annotations', '/metadata/name', '/spec/nodeSelector', '/spec/overhead'],
};
/** Pods whose admission looks at other objects. */
const elsewhere = /^(?:limitrange|overhead|priorityClass|tolerations-all)/;

describe('objects stored as observed', () => {
  for (const [kind, items] of Map.groupBy(defaulted, (facts) => facts.kind)) {
    it(`${kind} (${items.length})`, () => {
      const wrong = items.flatMap((facts) => {
        if (kind === 'v1/pods' && elsewhere.test(facts.variant)) return [];
        return differences(facts)
          .filter((text) => !added[kind]?.some((pointer) => text.startsWith(pointer)))
          .map((text) => `${facts.variant}${text}`);
      });
      expect(wrong).toEqual([]);
    });
  }
});

/** Name, type, format and priority. */
type ObservedColumn = readonly [string, string, string, number];

describe('tables as observed', () => {
  const columns = readFacts('columns.json') as Readonly<Record<string, readonly ObservedColumn[]>>;
  for (const resource of resources) {
    const path = `${groupVersionOf(resource)}/${resource.plural}`;
    const observed = columns[path];
    if (!observed) continue;
    it(`${path} has its columns`, () => {
      const own = (resource.columns ?? [nameColumn, createdAtColumn]).map(
        ({ name, type = 'string', format = '', priority = 0 }) => [name, type, format, priority],
      );
      expect(own).toEqual(observed);
    });
  }
});

describe('field selectors as observed', () => {
  const fields = readFacts('fields.json') as Readonly<
    Record<string, Readonly<Record<string, string>>>
  >;
  for (const resource of resources) {
    const path = `${groupVersionOf(resource)}/${resource.plural}`;
    const observed = fields[path];
    if (!observed) continue;
    it(`${path} selects by its fields`, () => {
      const own = [
        'metadata.name',
        'metadata.namespace',
        ...Object.keys(resource.fieldSelectors ?? {}),
      ];
      const ofEveryKind = ['metadata.name', 'metadata.namespace'];
      expect(own.sort()).toEqual([...new Set([...ofEveryKind, ...Object.keys(observed)])].sort());
    });
  }
});

/** Values that are drawn anew on each run, and times. */
function steady(cell: unknown): unknown {
  if (typeof cell !== 'string') return cell;
  return cell
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>')
    .replace(/:3\d{4}\//g, ':<port>/')
    .replace(/^\d{4}-\d\d-\d\dT.*Z$/, '<time>')
    .replace(/^(?:\d+[smhdy])+$/, '<age>')
    .replace(/^10\.96\.0\.\d+$|<ip>/, '<ip>')
    .replace(/^gen-.*$/, 'gen-<rand>');
}

describe('cells as observed', () => {
  for (const [kind, items] of Map.groupBy(defaulted, (facts) => facts.kind)) {
    // Who asks is unknown here; and upstream prints an age that has no column.
    if (/certificatesigningrequests|ipaddresses/.test(kind)) continue;
    it(`${kind} (${items.length})`, () => {
      const columns = resourceAt(kind).columns ?? [nameColumn, createdAtColumn];
      for (const facts of items) {
        if (!facts.cells) continue;
        const object = stored(facts);
        const now = Date.parse(object.metadata.creationTimestamp ?? '');
        const isNarrow = facts.cells.length < columns.length;
        const cells = columns
          .filter(({ priority }) => !isNarrow || !priority)
          .map((column) => steady(column.value(object, now)));
        expect({ [facts.variant]: cells }).toEqual({ [facts.variant]: facts.cells.map(steady) });
      }
    });
  }
});

describe('warnings as observed', () => {
  for (const [kind, items] of Map.groupBy(defaulted, (facts) => facts.kind)) {
    // Whether a key belongs to its certificate is not looked at.
    if (kind === 'v1/secrets') continue;
    it(`${kind} (${items.length})`, () => {
      const { warnings } = resourceAt(kind);
      for (const facts of items) {
        const given = Array.from(warnings?.(stored(facts)) ?? []);
        expect({ [facts.variant]: given.length }).toEqual({ [facts.variant]: facts.warnings ?? 0 });
      }
    });
  }
});
