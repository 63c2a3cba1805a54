import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';

const twoSegments = 'should be a domain with at least two segments separated by dots';

export function isKubernetesSigner(signerName: string): boolean {
  const host = signerName.split('/')[0]!;
  return host === 'kubernetes.io' || host.endsWith('.kubernetes.io');
}

/** `example.com/signer-name`, as the signer of a CertificateSigningRequest. */
export function* validateSignerName(signerName: string, field: string): Iterable<FieldError> {
  if (!signerName) {
    yield required(field);
    return;
  }
  const [domain = '', path, more] = signerName.split('/');
  if (path === undefined || more !== undefined) {
    yield invalidValue(
      field,
      signerName,
      "must be a fully qualified domain and path of the form 'example.com/signer-name'",
    );
    return;
  }
  if (byteLength(domain) > 253) yield tooLong(field, 253);
  const labels = domain.split('.');
  yield* firstBadLabel(labels, dns1123Label, (problem) => invalidValue(field, domain, problem));
  if (labels.length < 2) yield invalidValue(field, domain, twoSegments);
  yield* firstBadLabel(path.split('.'), dns1123Subdomain, (problem) =>
    invalidValue(field, path, problem),
  );
  const maxLength = 253 + 253 + 63 + 1 + 1;
  if (byteLength(signerName) > maxLength) yield tooLong(field, maxLength);
}

function* firstBadLabel(
  labels: readonly string[],
  check: (label: string) => readonly string[],
  report: (problem: string) => FieldError,
): Iterable<FieldError> {
  for (const label of labels) {
    const problems = check(label);
    if (problems.length === 0) continue;
    for (const problem of problems) {
      yield report(`validating label ${JSON.stringify(label)}: ${problem}`);
    }
    return;
  }
}

/** A ClusterTrustBundle's name begins with its signer's, if it has one. */
export function validateTrustBundleName(name: string): readonly string[] {
  const colon = name.lastIndexOf(':');
  return dns1123Subdomain(colon < 0 ? name : name.slice(colon + 1));
}
