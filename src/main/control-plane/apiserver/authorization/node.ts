import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { nodeUserPrefix, nodesGroup } from '#main/control-plane/apiserver/authentication/users.ts';
import type {
  Attributes,
  Authorizer,
  Decision,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { NodeGraph, type Related } from '#main/control-plane/apiserver/authorization/node-graph.ts';
import { allows, compileRule } from '#main/control-plane/apiserver/authorization/policy-rules.ts';
import type { RuleResolver } from '#main/control-plane/apiserver/authorization/user-rules.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { PolicyRule } from '#shared/api/types/rbac-v1.ts';

export interface NodeAuthorizerOptions {
  readonly objects: ObjectCache;
  /** What every node may do, whatever runs on it: upstream's rules of `system:node`. */
  readonly rules: readonly PolicyRule[];
}

/** Lets kubelets do what their own node and the pods on it need, and no more. */
export interface NodeAuthorizer extends Authorizer, RuleResolver, Disposable {
  authorize(attributes: Attributes): Decision;
}

/** A decision about one request of one node. */
type Decide = (node: string, attributes: Attributes) => Decision;

const allowed: Decision = { verdict: 'Allow', reason: '' };
const silent: Decision = { verdict: 'NoOpinion', reason: '' };
const refused = (reason: string): Decision => ({ verdict: 'NoOpinion', reason });

export function createNodeAuthorizer({ objects, rules }: NodeAuthorizerOptions): NodeAuthorizer {
  const graph = new NodeGraph(objects);
  const compiled = rules.map(compileRule);
  const deciders = decidersOver(graph);
  return {
    name: 'Node',
    authorize(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined) return silent;
      if (node === '')
        return refused(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
      const { isResourceRequest, apiGroup, resource } = attributes;
      const decide = isResourceRequest ? deciders.get(`${apiGroup}/${resource}`) : undefined;
      if (decide) return decide(node, attributes);
      return compiled.some((rule) => allows(rule, attributes)) ? allowed : silent;
    },
    rulesFor: (user) => ({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: nodeOf(user) !== undefined,
      errors:
        nodeOf(user) === undefined ? [] : ['node authorizer does not support user rule resolution'],
    }),
    [Symbol.dispose]: () => graph[Symbol.dispose](),
  };
}

/** The node that the user is; '' for a node without a name, nothing for anybody else. */
function nodeOf({ name, groups }: UserInfo): string | undefined {
  if (!name.startsWith(nodeUserPrefix) || !groups.includes(nodesGroup)) return undefined;
  return name.slice(nodeUserPrefix.length);
}

function decidersOver(graph: NodeGraph): ReadonlyMap<string, Decide> {
  const related = (resource: Related): Decide => {
    return (node, { namespace, name }) => {
      if (!name) return refused('No Object name found');
      const key = namespace ? `${namespace}/${name}` : name;
      if (graph.isRelated(node, resource, key)) return allowed;
      return refused(`no relationship found between node '${node}' and this object`);
    };
  };
  const get = (resource: Related): Decide => onlyGet(related(resource));
  return new Map<string, Decide>([
    ['/secrets', onlyRead(related('secrets'))],
    ['/configmaps', onlyRead(related('configmaps'))],
    ['/persistentvolumeclaims', claims(related('persistentvolumeclaims'))],
    ['/persistentvolumes', get('persistentvolumes')],
    ['resource.k8s.io/resourceclaims', get('resourceclaims')],
    ['storage.k8s.io/volumeattachments', get('volumeattachments')],
    ['/serviceaccounts', serviceAccounts(related('serviceaccounts'))],
    ['coordination.k8s.io/leases', lease],
    ['storage.k8s.io/csinodes', csiNode],
    ['resource.k8s.io/resourceslices', resourceSlice(related('resourceslices'))],
    ['/nodes', node],
    ['/pods', pod(related('pods'))],
    ['certificates.k8s.io/podcertificaterequests', () => silent],
  ]);
}

function onlyGet(decide: Decide): Decide {
  return (node, attributes) => {
    if (attributes.verb !== 'get') return refused('can only get individual resources of this type');
    if (attributes.subresource) return refused('cannot get subresource');
    return decide(node, attributes);
  };
}

function onlyRead(decide: Decide): Decide {
  return (node, attributes) => {
    if (!['get', 'list', 'watch'].includes(attributes.verb))
      return refused('can only read resources of this type');
    if (attributes.subresource) return refused('cannot read subresource');
    if (!attributes.namespace) return refused('can only read namespaced object of this type');
    return decide(node, attributes);
  };
}

function claims(decide: Decide): Decide {
  return (node, attributes) => {
    if (attributes.subresource !== 'status') return onlyGet(decide)(node, attributes);
    if (!['update', 'patch'].includes(attributes.verb))
      return refused('can only get/update/patch this type');
    return decide(node, attributes);
  };
}

function serviceAccounts(decide: Decide): Decide {
  return (node, attributes) => {
    const { verb, subresource, name } = attributes;
    if (verb === 'get' && !subresource) return onlyRead(decide)(node, attributes);
    if (verb !== 'create' || !name)
      return refused('can only create tokens for individual service accounts');
    if (subresource !== 'token')
      return refused('can only create token subresource of serviceaccount');
    return decide(node, attributes);
  };
}

const ownVerbs = ['get', 'create', 'update', 'patch', 'delete'];
const leaseNamespace = 'kube-node-lease';

function lease(node: string, { verb, namespace, name }: Attributes): Decision {
  if (!ownVerbs.includes(verb))
    return refused('can only get, create, update, patch, or delete a node lease');
  if (namespace !== leaseNamespace)
    return refused(`can only access leases in the "${leaseNamespace}" system namespace`);
  // The name of what is created is not known yet: NodeRestriction looks at it.
  if (verb === 'create' || name === node) return allowed;
  return refused('can only access node lease with the same name as the requesting node');
}

function csiNode(node: string, { verb, subresource, name }: Attributes): Decision {
  if (!ownVerbs.includes(verb))
    return refused('can only get, create, update, patch, or delete a CSINode');
  if (subresource) return refused('cannot authorize CSINode subresources');
  if (verb === 'create' || name === node) return allowed;
  return refused('can only access CSINode with the same name as the requesting node');
}

function resourceSlice(decide: Decide): Decide {
  return (node, attributes) => {
    const { verb, subresource } = attributes;
    if (subresource) return refused('cannot authorize ResourceSlice subresources');
    if (verb === 'create') return allowed;
    if (['get', 'update', 'patch', 'delete'].includes(verb)) return decide(node, attributes);
    if (['watch', 'list', 'deletecollection'].includes(verb)) {
      if (selects(attributes, 'spec.nodeName', node)) return allowed;
      return refused(
        'can only list/watch/deletecollection resourceslices with nodeName field selector',
      );
    }
    return refused(
      'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
    );
  };
}

function node(own: string, { verb, subresource, name }: Attributes): Decision {
  if (subresource === 'status') return ['update', 'patch'].includes(verb) ? allowed : silent;
  if (subresource) return silent;
  if (['create', 'update', 'patch'].includes(verb)) return allowed;
  if (!['get', 'list', 'watch'].includes(verb)) return silent;
  if (name === own) return allowed;
  const only = 'only its own Node object';
  if (name === '') return refused(`node '${own}' cannot read all nodes, ${only}`);
  return refused(`node '${own}' cannot read '${name}', ${only}`);
}

function pod(decide: Decide): Decide {
  return (node, attributes) => {
    const { verb, subresource, name } = attributes;
    if (subresource === 'status') return ['update', 'patch'].includes(verb) ? allowed : silent;
    if (subresource === 'eviction') return verb === 'create' ? allowed : silent;
    if (subresource) return silent;
    if (verb === 'get') return decide(node, attributes);
    // NodeRestriction sees to it that these are mirror pods of this node.
    if (verb === 'create' || verb === 'delete') return allowed;
    if (verb !== 'list' && verb !== 'watch') return silent;
    if (selects(attributes, 'spec.nodeName', node)) return allowed;
    if (name !== '') return decide(node, attributes);
    return refused('can only list/watch pods with spec.nodeName field selector');
  };
}

function selects({ fieldSelector = [] }: Attributes, field: string, value: string): boolean {
  return fieldSelector.some(
    ({ key, operator, values }) =>
      key === field && operator === 'Equals' && values.length === 1 && values[0] === value,
  );
}
