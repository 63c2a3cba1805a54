import { parseDocument } from 'yaml';
import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { createPolicyModel } from '#shared/policy/index.ts';
import { messageOf } from '../../composables/message-of.ts';

export interface Draft {
  readonly policy?: NetworkPolicy;
  readonly problem?: string;
}

export const newPolicyText = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: default
spec:
  podSelector: {}
  policyTypes:
    - Ingress
`;

/** The policy that the text means, or what keeps it from meaning one. */
export function draftOf(text: string): Draft {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) return { problem: error.message.split('\n')[0] ?? error.message };
  const policy = document.toJS() as Partial<NetworkPolicy> | null;
  if (policy?.kind !== 'NetworkPolicy' || policy.apiVersion !== 'networking.k8s.io/v1')
    return { problem: 'It should be a NetworkPolicy of networking.k8s.io/v1' };
  if (typeof policy.metadata?.name !== 'string') return { problem: 'It has no metadata.name' };
  if (typeof policy.spec !== 'object' || policy.spec === null) return { problem: 'It has no spec' };
  const whole = {
    ...policy,
    metadata: { namespace: 'default', ...policy.metadata },
    spec: { ...policy.spec, podSelector: policy.spec.podSelector ?? {} },
  } as NetworkPolicy;
  try {
    createPolicyModel({ pods: [], namespaces: [], policies: [whole] });
  } catch (cause) {
    return { problem: `It cannot be understood: ${messageOf(cause)}` };
  }
  return { policy: whole };
}
