import { beforeEach, describe, expect, test } from 'vitest';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { createImpersonation } from '#main/control-plane/apiserver/authentication/impersonation.ts';
import type { Attributes } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { createEscalationCheck } from '#main/control-plane/apiserver/authorization/escalation.ts';
import { forbiddenRequest } from '#main/control-plane/apiserver/authorization/forbidden.ts';
import { createNodeAuthorizer } from '#main/control-plane/apiserver/authorization/node.ts';
import { createRbac } from '#main/control-plane/apiserver/authorization/rbac.ts';
import {
  createAuthorizer,
  privilegedGroups,
} from '#main/control-plane/apiserver/authorization/union.ts';
import { subjectRules } from '#main/control-plane/apiserver/authorization/user-rules.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import { roleBindings } from '#shared/api/rbac/role-binding.ts';
import { roles } from '#shared/api/rbac/role.ts';
import type { PolicyRule, Subject } from '#shared/api/types/rbac-v1.ts';
import { MemoryObjectCache } from '../../../../../test/support/object-cache.ts';

const apiGroup = 'rbac.authorization.k8s.io';
const jane: UserInfo = { name: 'jane', groups: ['dev', 'system:authenticated'] };
const robot: UserInfo = {
  name: 'system:serviceaccount:web:robot',
  groups: ['system:authenticated'],
};

/** `verb resource[.group][/subresource] [namespace/]name`, or `verb /path`. */
function ask(text: string, user: UserInfo = jane): Attributes {
  const [verb = '', target = '', place = ''] = text.split(' ');
  const isResourceRequest = !target.startsWith('/');
  const [full = '', subresource = ''] = isResourceRequest ? target.split('/') : [];
  const dot = full.indexOf('.');
  const slash = place.indexOf('/');
  return {
    user,
    verb,
    isResourceRequest,
    apiGroup: dot < 0 ? '' : full.slice(dot + 1),
    apiVersion: 'v1',
    resource: dot < 0 ? full : full.slice(0, dot),
    subresource,
    namespace: slash < 0 ? '' : place.slice(0, slash),
    name: place.slice(slash + 1),
    path: isResourceRequest ? '' : target,
  };
}

let objects: MemoryObjectCache;
beforeEach(() => {
  objects = new MemoryObjectCache();
});

function clusterRole(name: string, ...rules: PolicyRule[]): void {
  objects.put(clusterRoles, { metadata: { name }, rules });
}
function bindCluster(name: string, role: string, subject: Subject): void {
  const roleRef = { apiGroup, kind: 'ClusterRole', name: role };
  objects.put(clusterRoleBindings, { metadata: { name }, roleRef, subjects: [subject] });
}
function bind(name: string, [kind, role]: [string, string], subject: Subject): void {
  const roleRef = { apiGroup, kind, name: role };
  const metadata = { namespace: 'web', name };
  objects.put(roleBindings, { metadata, roleRef, subjects: [subject] });
}

describe('RBAC', () => {
  beforeEach(() => {
    clusterRole(
      'reader',
      { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log', '*/scale'] },
      { verbs: ['get'], nonResourceURLs: ['/healthz', '/logs/*'] },
    );
    clusterRole('boss', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
    const metadata = { namespace: 'web', name: 'one' };
    const rule = { verbs: ['update'], apiGroups: ['apps'], resources: ['deployments'] };
    objects.put(roles, { metadata, rules: [{ ...rule, resourceNames: ['front'] }] });
    bindCluster('readers', 'reader', { apiGroup, kind: 'Group', name: 'dev' });
    bind('ones', ['Role', 'one'], { kind: 'ServiceAccount', name: 'robot' });
    bind('bosses', ['ClusterRole', 'boss'], { kind: 'User', apiGroup, name: 'jane' });
  });

  const byGroup =
    'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to Group "dev"';
  const byName = 'RBAC: allowed by RoleBinding "bosses/web" of ClusterRole "boss" to User "jane"';
  const byAccount =
    'RBAC: allowed by RoleBinding "ones/web" of Role "one" to ServiceAccount "robot/web"';
  test.each([
    [jane, 'get pods other/a', byGroup],
    [jane, 'list pods', byGroup],
    [jane, 'get pods/log other/a', byGroup],
    [jane, 'get pods/exec other/a', ''],
    [jane, 'get deployments.apps/scale other/a', ''],
    [jane, 'get replicationcontrollers/scale other/a', byGroup],
    [jane, 'delete pods other/a', ''],
    [jane, 'delete pods web/a', byName],
    [jane, 'get /healthz', byGroup],
    [jane, 'get /logs/x', byGroup],
    [jane, 'get /metrics', ''],
    [robot, 'update deployments.apps web/front', byAccount],
    [robot, 'update deployments.apps web/back', ''],
    [robot, 'update deployments.apps other/front', ''],
  ])('%o: %s', (user, text, reason) => {
    const verdict = reason ? 'Allow' : 'NoOpinion';
    expect(createRbac(objects).authorize(ask(text, user))).toEqual({ verdict, reason });
  });

  test('follows every change of roles and bindings', () => {
    const rbac = createRbac(objects);
    const verdict = (): string => rbac.authorize(ask('get pods other/a')).verdict;
    const seen = [verdict()];
    objects.put(clusterRoles, { metadata: { name: 'reader' }, rules: [] });
    seen.push(verdict());
    bindCluster('readers', 'boss', { apiGroup, kind: 'Group', name: 'dev' });
    seen.push(verdict());
    bindCluster('readers', 'boss', { apiGroup, kind: 'Group', name: 'ops' });
    seen.push(verdict());
    bindCluster('readers', 'boss', { apiGroup, kind: 'Group', name: 'dev' });
    objects.remove(clusterRoleBindings, { name: 'readers' });
    seen.push(verdict());
    expect(seen).toEqual(['Allow', 'NoOpinion', 'Allow', 'NoOpinion', 'NoOpinion']);
  });

  test('tells of a role that is not there', () => {
    bindCluster('lost', 'gone', { apiGroup, kind: 'Group', name: 'dev' });
    const { reason } = createRbac(objects).authorize(ask('delete nodes a'));
    expect(reason).toBe('RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found');
  });

  test('lists what a user may do', () => {
    const rbac = createRbac(objects);
    expect(subjectRules([rbac], robot, 'web')).toEqual({
      resourceRules: [
        {
          verbs: ['update'],
          apiGroups: ['apps'],
          resources: ['deployments'],
          resourceNames: ['front'],
        },
      ],
      nonResourceRules: [],
      incomplete: false,
    });
  });
});

describe('the Node authorizer', () => {
  const node = (name: string): UserInfo => ({
    name: `system:node:${name}`,
    groups: ['system:nodes'],
  });
  const rules = [{ verbs: ['create'], apiGroups: [''], resources: ['events'] }];
  const podOn = (nodeName: string, name = 'p') => ({
    metadata: { namespace: 'web', name },
    spec: {
      nodeName,
      serviceAccountName: 'front',
      containers: [{ name: 'c', envFrom: [{ secretRef: { name: 'env' } }], resources: {} }],
      volumes: [
        { name: 'v', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'k', projected: { sources: [{ configMap: { name: 'root' } }] } },
      ],
    },
  });

  beforeEach(() => {
    objects.put(pods, podOn('a'));
    objects.put(persistentVolumes, {
      metadata: { name: 'pv' },
      spec: {
        claimRef: { namespace: 'web', name: 'data' },
        csi: {
          driver: 'd',
          volumeHandle: 'h',
          nodeStageSecretRef: { name: 'stage', namespace: 'sys' },
        },
      },
    });
  });

  const unrelated = "no relationship found between node 'b' and this object";
  test.each([
    ['a', 'get secrets web/env', true],
    ['b', 'get secrets web/env', unrelated],
    ['a', 'watch configmaps web/root', true],
    ['a', 'list secrets web/', 'No Object name found'],
    ['a', 'update secrets web/env', 'can only read resources of this type'],
    ['a', 'get secrets sys/stage', true],
    ['b', 'get secrets sys/stage', unrelated],
    ['a', 'get persistentvolumes pv', true],
    ['b', 'get persistentvolumeclaims web/data', unrelated],
    ['a', 'create serviceaccounts/token web/front', true],
    ['b', 'create serviceaccounts/token web/front', unrelated],
    ['a', 'get pods web/p', true],
    ['b', 'get pods web/p', unrelated],
    ['a', 'list pods', 'can only list/watch pods with spec.nodeName field selector'],
    ['a', 'get nodes a', true],
    ['a', 'get nodes b', "node 'a' cannot read 'b', only its own Node object"],
    ['a', 'update leases.coordination.k8s.io kube-node-lease/a', true],
    [
      'a',
      'update leases.coordination.k8s.io kube-node-lease/b',
      'can only access node lease with the same name as the requesting node',
    ],
    ['a', 'create events web/', true],
    ['a', 'delete events web/x', ''],
  ])('%s: %s', (name, text, answer) => {
    const authorizer = createNodeAuthorizer({ objects, rules });
    const { verdict, reason } = authorizer.authorize(ask(text, node(name)));
    expect(verdict === 'Allow' || reason).toBe(answer);
  });

  test('lets a node list the pods that it selects as its own', () => {
    const authorizer = createNodeAuthorizer({ objects, rules });
    const fieldSelector = [{ key: 'spec.nodeName', operator: 'Equals', values: ['a'] }] as const;
    const verdictFor = (name: string): string =>
      authorizer.authorize({ ...ask('list pods', node(name)), fieldSelector }).verdict;
    expect(['a', 'b'].map(verdictFor)).toEqual(['Allow', 'NoOpinion']);
  });

  test('forgets what a pod needed when its last pod is gone', () => {
    const authorizer = createNodeAuthorizer({ objects, rules });
    const verdict = (): string =>
      authorizer.authorize(ask('get secrets web/env', node('a'))).verdict;
    objects.put(pods, podOn('a', 'q'));
    const seen = [verdict()];
    objects.remove(pods, { namespace: 'web', name: 'p' });
    seen.push(verdict());
    objects.remove(pods, { namespace: 'web', name: 'q' });
    seen.push(verdict());
    expect(seen).toEqual(['Allow', 'Allow', 'NoOpinion']);
  });
});

test.each([
  [
    'get pods web/a',
    'pods "a" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "web": why',
  ],
  [
    'create deployments.apps/scale',
    'deployments.apps is forbidden: User "jane" cannot create resource "deployments/scale" in API group "apps" at the cluster scope: why',
  ],
  ['get /<x>', 'forbidden: User "jane" cannot get path "/&lt;x&gt;": why'],
])('a refused %s is told so', (text, message) => {
  const refusal = forbiddenRequest(ask(text), { verdict: 'NoOpinion', reason: 'why' });
  expect([refusal.code, refusal.message]).toEqual([403, message]);
});

describe('nobody grants what they do not have', () => {
  const pod = { apiGroups: [''], resources: ['pods'] };
  const held = [{ verbs: ['get', 'list'], ...pod }];
  const check = () => {
    const rbac = createRbac(objects);
    return createEscalationCheck(rbac, createAuthorizer([privilegedGroups, rbac]));
  };
  const role = (...rules: PolicyRule[]) =>
    ({ kind: 'ClusterRole', metadata: { name: 'new' }, rules }) as never;
  const prefix =
    'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n';

  beforeEach(() => {
    clusterRole('held', ...held);
    bindCluster('b', 'held', { apiGroup, kind: 'User', name: 'jane' });
  });

  test('a role with rules that its writer has', async () => {
    await expect(
      check().checkRole(jane, role({ verbs: ['get'], ...pod })),
    ).resolves.toBeUndefined();
  });

  test('a role with more is refused, with all that is missing', async () => {
    const wanted = role(
      { verbs: ['get', 'delete', 'create'], ...pod },
      { verbs: ['get'], nonResourceURLs: ['/metrics'] },
    );
    await expect(check().checkRole(jane, wanted)).rejects.toThrow(
      `${prefix}{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}\n{NonResourceURLs:["/metrics"], Verbs:["get"]}`,
    );
  });

  test('a role with more is allowed with the verb escalate', async () => {
    const rule = { verbs: ['escalate'], apiGroups: [apiGroup], resources: ['clusterroles'] };
    clusterRole('held', ...held, rule);
    const wanted = role({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
    await expect(check().checkRole(jane, wanted)).resolves.toBeUndefined();
  });

  test('a binding to a role with more is refused, unless with the verb bind', async () => {
    clusterRole('more', { verbs: ['delete'], ...pod });
    const roleRef = { apiGroup, kind: 'ClusterRole', name: 'more' };
    const binding = { metadata: { name: 'new' }, roleRef } as never;
    await expect(check().checkBinding(jane, binding)).rejects.toThrow(
      /^clusterrolebindings.rbac.authorization.k8s.io "new" is forbidden: user "jane"/,
    );
    const rule = { verbs: ['bind'], apiGroups: [apiGroup], resources: ['clusterroles'] };
    clusterRole('held', ...held, { ...rule, resourceNames: ['more'] });
    await expect(check().checkBinding(jane, binding)).resolves.toBeUndefined();
  });
});

describe('impersonation', () => {
  const request = ask('list pods web/');
  const impersonate = (headers: Record<string, string | string[]>) =>
    createImpersonation(createRbac(objects)).impersonate(headers, request);
  const may = (...rules: PolicyRule[]): void => {
    clusterRole('may', ...rules);
    bindCluster('may', 'may', { apiGroup, kind: 'User', name: 'jane' });
  };

  test('of nobody is none', async () => {
    expect(await impersonate({ accept: '*/*' })).toBeUndefined();
  });

  test('takes the verb impersonate on each thing that is asked for', async () => {
    may({
      verbs: ['impersonate'],
      apiGroups: ['', 'authentication.k8s.io'],
      resources: ['users', 'groups', 'userextras/scopes', 'uids'],
    });
    const headers = {
      'impersonate-user': 'bob',
      'impersonate-uid': '7',
      'impersonate-group': ['a', 'b'],
      'impersonate-extra-scopes': 'view',
    };
    expect(await impersonate(headers)).toEqual({
      name: 'bob',
      uid: '7',
      groups: ['a', 'b', 'system:authenticated'],
      extra: { scopes: ['view'] },
    });
  });

  test('of a service account brings its groups', async () => {
    may({ verbs: ['impersonate'], apiGroups: [''], resources: ['serviceaccounts'] });
    const user = await impersonate({ 'impersonate-user': robot.name });
    expect(user?.groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:web',
      'system:authenticated',
    ]);
  });

  test('in a constrained mode takes the right to do this very request as somebody', async () => {
    may(
      { verbs: ['impersonate-on:user-info:list'], apiGroups: [''], resources: ['pods'] },
      {
        verbs: ['impersonate:user-info'],
        apiGroups: ['authentication.k8s.io'],
        resources: ['users'],
      },
    );
    expect((await impersonate({ 'impersonate-user': 'bob' }))?.name).toBe('bob');
  });

  test.each([
    [
      { 'impersonate-user': 'bob' },
      'pods is forbidden: User "jane" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "web"',
    ],
    [
      { 'impersonate-group': 'x' },
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"x"}, Extra:map[string][]string(nil)} without impersonating a user name',
    ],
  ])('with %j is refused', async (headers: Record<string, string>, message) => {
    await expect(impersonate(headers)).rejects.toThrow(message);
  });
});
