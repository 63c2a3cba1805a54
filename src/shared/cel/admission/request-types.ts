import {
  bool,
  dyn,
  int,
  listOf,
  mapOf,
  objectType,
  string,
  timestamp,
  type CelType,
} from '#shared/cel/types.ts';

const object = (name: string, fields: Readonly<Record<string, CelType>>): CelType =>
  objectType(`kubernetes.${name}`, { fields: new Map(Object.entries(fields)) });

const groupVersionKind = object('GroupVersionKind', {
  group: string,
  version: string,
  kind: string,
});
const groupVersionResource = object('GroupVersionResource', {
  group: string,
  version: string,
  resource: string,
});

/** What expressions see of the request besides its objects. */
export const requestType = object('AdmissionRequest', {
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: string,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo: object('UserInfo', {
    username: string,
    uid: string,
    groups: listOf(string),
    extra: mapOf(string, listOf(string)),
  }),
  dryRun: bool,
  options: dyn,
});

/** What they see of the object's namespace. */
export const namespaceType = object('Namespace', {
  metadata: object('NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels: mapOf(string, string),
    annotations: mapOf(string, string),
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: listOf(string),
  }),
  spec: object('NamespaceSpec', { finalizers: listOf(string) }),
  status: object('NamespaceStatus', {
    conditions: listOf(
      object('NamespaceCondition', {
        status: string,
        type: string,
        lastTransitionTime: timestamp,
        message: string,
        reason: string,
      }),
    ),
    phase: string,
  }),
});
