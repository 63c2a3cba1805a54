import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';

/** Upstream's well-known users and groups. */
export const allAuthenticated = 'system:authenticated';
export const allUnauthenticated = 'system:unauthenticated';
export const privilegedGroup = 'system:masters';
export const nodesGroup = 'system:nodes';
export const nodeUserPrefix = 'system:node:';
export const anonymousName = 'system:anonymous';
export const credentialIdKey = 'authentication.kubernetes.io/credential-id';

/** The API server acting for itself. */
export const apiServerUser: UserInfo = {
  name: 'system:apiserver',
  groups: [privilegedGroup, allAuthenticated],
};

export const schedulerUser = component('system:kube-scheduler');
export const controllerManagerUser = component('system:kube-controller-manager');
export const cloudControllerManagerUser = component('system:cloud-controller-manager');

export const anonymousUser: UserInfo = { name: anonymousName, groups: [allUnauthenticated] };

/** Who a component within the process speaks as, without a credential: by this name alone. */
export function component(name: string): UserInfo {
  return { name, groups: [allAuthenticated] };
}

export function nodeUser(nodeName: string): UserInfo {
  return { name: `${nodeUserPrefix}${nodeName}`, groups: [nodesGroup, allAuthenticated] };
}

/** Without a uid: as a component that was started with the service account's name only. */
export function serviceAccountUser(namespace: string, name: string): UserInfo {
  const groups = [...serviceAccountGroups(namespace), allAuthenticated];
  return { name: serviceAccountName(namespace, name), groups };
}

const serviceAccountPrefix = 'system:serviceaccount:';

export function serviceAccountName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The account behind a user name, if there is one: upstream's SplitUsername. */
export function parseServiceAccountName(
  userName: string,
): { namespace: string; name: string } | undefined {
  if (!userName.startsWith(serviceAccountPrefix)) return undefined;
  const parts = userName.slice(serviceAccountPrefix.length).split(':');
  const [namespace = '', name = ''] = parts;
  const holds =
    parts.length === 2 &&
    namespace.length <= 63 &&
    dnsLabel.test(namespace) &&
    name.length <= 253 &&
    dnsSubdomain.test(name);
  return holds ? { namespace, name } : undefined;
}

/** The node behind a user name, if there is one. */
export function parseNodeName(userName: string): string | undefined {
  if (!userName.startsWith(nodeUserPrefix)) return undefined;
  const name = userName.slice(nodeUserPrefix.length);
  return name.length <= 253 && dnsSubdomain.test(name) ? name : undefined;
}
