import type { Secret } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { base64Length, base64Of, base64Text } from '#shared/api/core/base64.ts';
import { changesOfImmutable } from '#shared/api/core/config-map.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, unchanged } from '#shared/kube/checks.ts';
import { invalidValue, required, tooLong } from '#shared/kube/field-error.ts';
import { configMapKey } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { resource } from '#shared/kube/resource.ts';

export const secrets = resource<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  scope: 'Namespaced',
  type: 'core.v1.Secret',
  storage: { prefix: '/registry/secrets' },
  default(draft) {
    if (!draft.type) draft.type = 'Opaque';
    mergeStringData(draft);
  },
  prepareForUpdate(draft, old) {
    if (!draft.type && old.type) draft.type = old.type;
  },
  metadata: { onUpdate: ['update', 'create'] },
  validate: validateSecret,
  *validateUpdate(object, old) {
    yield* unchanged(object.type, old.type, 'type');
    if (old.immutable) yield* changesOfImmutable(object, old, ['data']);
    yield* validateSecret(object);
  },
  fieldSelectors: { type: ({ type }) => type ?? '' },
  columns: [
    nameColumn,
    { name: 'Type', value: ({ type }) => type ?? '' },
    { name: 'Data', value: ({ data = {} }) => Object.keys(data).length },
    ageColumn,
  ],
});

const maxBytes = 1024 * 1024;
const neededKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** Plain text is a convenience of writers; only `data` is stored. */
function mergeStringData(draft: Draft<Secret>): void {
  const { stringData } = draft;
  if (!stringData) return;
  delete draft.stringData;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, base64Of(text)] as const);
  if (encoded.length === 0) return;
  const merged = { ...draft.data, ...Object.fromEntries(encoded) };
  draft.data = Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function* validateSecret({ type, data = {}, metadata }: Secret): Iterable<FieldError> {
  let size = 0;
  for (const key of Object.keys(data)) {
    yield* invalidEach(`data[${key}]`, key, configMapKey(key));
    size += base64Length(data[key]!);
  }
  if (size > maxBytes) yield tooLong('data', maxBytes);
  switch (type ?? '') {
    case 'kubernetes.io/service-account-token': {
      const annotation = 'kubernetes.io/service-account.name';
      if (!metadata.annotations?.[annotation]) {
        yield required(`metadata.annotations[${annotation}]`);
      }
      break;
    }
    case 'kubernetes.io/dockercfg':
      yield* validateJson(data, '.dockercfg');
      break;
    case 'kubernetes.io/dockerconfigjson':
      yield* validateJson(data, '.dockerconfigjson');
      break;
    case 'kubernetes.io/basic-auth':
      if (data['username'] === undefined && data['password'] === undefined) {
        yield required('data[username]');
        yield required('data[password]');
      }
      break;
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) yield required('data[ssh-privatekey]');
      break;
    default:
      for (const key of neededKeys[type ?? ''] ?? []) {
        if (data[key] === undefined) yield required(`data[${key}]`);
      }
  }
}

function* validateJson(data: Readonly<Record<string, string>>, key: string): Iterable<FieldError> {
  const encoded = data[key];
  if (encoded === undefined) {
    yield required(`data[${key}]`);
    return;
  }
  let problem: string | undefined;
  try {
    const value: unknown = JSON.parse(base64Text(encoded));
    if (typeof value !== 'object' || Array.isArray(value)) problem = 'not a JSON object';
  } catch (error) {
    problem = String(error);
  }
  if (problem) yield invalidValue(`data[${key}]`, '<secret contents redacted>', problem);
}
