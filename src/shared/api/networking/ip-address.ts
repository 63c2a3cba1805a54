import type { IPAddress } from '#shared/api/types/networking-v1.ts';
import { nameColumn } from '#shared/api/columns.ts';
import { canonicalIp, foreignName, invalidEach, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { required } from '#shared/kube/field-error.ts';
import { dns1123Subdomain, pathSegment } from '#shared/kube/names.ts';
import { validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const ipAddresses = resource<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  singular: 'ipaddress',
  scope: 'Cluster',
  shortNames: ['ip'],
  type: 'networking.v1.IPAddress',
  storage: { prefix: '/registry/ipaddresses' },
  validateName: (name) => [...canonicalIp(name, '')].map(({ message }) => problemOf(message)),
  metadata: { onUpdate: ['create'] },
  validate: ({ spec }) => validateParent(spec.parentRef),
  *validateUpdate({ metadata, spec }, old) {
    yield* validateParent(spec.parentRef);
    yield* validateObjectMetaUpdate(metadata, old.metadata);
    yield* unchanged(spec.parentRef, old.spec.parentRef, 'spec.parentRef');
  },
  columns: [nameColumn, { name: 'ParentRef', value: ({ spec }) => formatParent(spec.parentRef) }],
});

type Parent = IPAddress['spec']['parentRef'];

/** What follows `Invalid value: "…": `; no address has a quote in it. */
function problemOf(message: string): string {
  return message.slice(message.lastIndexOf('": ') + 3);
}

function* validateParent(parent: Parent): Iterable<FieldError> {
  const field = 'spec.parentRef';
  if (!parent) {
    yield required(field);
    return;
  }
  const { group, resource: plural, namespace, name } = parent;
  if (group) yield* invalidEach(`${field}.group`, group, dns1123Subdomain(group));
  yield* foreignName(plural, `${field}.resource`);
  yield* foreignName(name, `${field}.name`);
  if (namespace) yield* invalidEach(`${field}.namespace`, namespace, pathSegment(namespace));
}

function formatParent(parent: Parent): string {
  if (!parent) return '<none>';
  const { group, resource: plural = '', namespace, name = '' } = parent;
  const resourceName = (group ? `${plural}.${group}` : plural).toLowerCase();
  return [resourceName, ...(namespace ? [namespace] : []), name].join('/');
}
