import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import { refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import { nodeUserPrefix } from '#main/control-plane/apiserver/authentication/users.ts';
import { parseCertificateRequest } from '#shared/api/certificates/certificate-request.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import { signerNames } from '#shared/api/certificates/signers.ts';
import { nodes } from '#shared/api/core/node.ts';
import { semanticEqual } from '#shared/kube/equality.ts';

type Labels = Readonly<Record<string, string>>;

/** What a kubelet may say about itself: nothing that draws other people's pods to it. */
export function admitNode(nodeName: string, request: AdmissionRequest): void {
  const { operation, name } = request;
  const own = JSON.stringify(nodeName);
  const requested = name || request.object?.metadata.name || '';
  if (requested !== nodeName) {
    throw refuse(request, `node ${own} is not allowed to modify node ${JSON.stringify(requested)}`);
  }
  if (operation === 'CREATE') {
    const { metadata, spec } = objectOf(request, nodes);
    if (spec?.configSource) {
      throw refuse(
        request,
        `node ${own} is not allowed to create pods with a non-nil configSource`,
      );
    }
    const forbidden = forbiddenLabels(metadata.labels, undefined);
    if (forbidden.length > 0) {
      throw refuse(
        request,
        `node ${own} is not allowed to set the following labels: ${forbidden.join(', ')}`,
      );
    }
  } else if (operation === 'UPDATE') checkUpdate(own, request);
}

function checkUpdate(own: string, request: AdmissionRequest): void {
  const node = objectOf(request, nodes);
  const old = oldObjectOf(request, nodes);
  const source = node.spec?.configSource;
  if (source && !semanticEqual(source, old.spec?.configSource)) {
    throw refuse(
      request,
      `node ${own} is not allowed to update configSource to a new non-nil configSource`,
    );
  }
  if (!semanticEqual(node.spec?.taints ?? [], old.spec?.taints ?? [])) {
    throw refuse(request, `node ${own} is not allowed to modify taints`);
  }
  const owners = node.metadata.ownerReferences ?? [];
  if (!semanticEqual(owners, old.metadata.ownerReferences ?? [])) {
    throw refuse(request, `node ${own} is not allowed to modify ownerReferences`);
  }
  const forbidden = forbiddenLabels(node.metadata.labels, old.metadata.labels);
  if (forbidden.length > 0) {
    throw refuse(request, `is not allowed to modify labels: ${forbidden.join(', ')}`);
  }
}

const kubeletLabels: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);

/** Labels that differ and that only somebody else may set. */
function forbiddenLabels(labels: Labels = {}, old: Labels = {}): string[] {
  const names = new Set([...Object.keys(labels), ...Object.keys(old)]);
  return [...names].filter((name) => labels[name] !== old[name] && isForbidden(name)).sort();
}

function isForbidden(label: string): boolean {
  const slash = label.indexOf('/');
  const domain = slash < 0 ? '' : label.slice(0, slash);
  if (isWithin(domain, 'node-restriction.kubernetes.io')) return true;
  if (!isWithin(domain, 'kubernetes.io') && !isWithin(domain, 'k8s.io')) return false;
  return !(
    kubeletLabels.has(label) ||
    isWithin(domain, 'kubelet.kubernetes.io') ||
    isWithin(domain, 'node.kubernetes.io')
  );
}

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

/** A kubelet asks for certificates in its own name only. */
export function admitSigningRequest(nodeName: string, request: AdmissionRequest): void {
  if (request.operation !== 'CREATE') return;
  const { signerName, request: pem } = objectOf(request, certificateSigningRequests).spec;
  if (signerName !== signerNames.kubeletServing && signerName !== signerNames.kubeletClient) return;
  let commonName: string;
  try {
    ({ commonName } = parseCertificateRequest(pem));
  } catch (error) {
    throw refuse(request, `unable to parse csr: ${(error as Error).message}`);
  }
  const wanted = `${nodeUserPrefix}${nodeName}`;
  if (commonName !== wanted) throw refuse(request, `can only create a node CSR with CN=${wanted}`);
}
