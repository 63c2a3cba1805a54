import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '#shared/api/types/certificates-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';

type Csr = CertificateSigningRequest;
type Conditions = readonly CertificateSigningRequestCondition[];

const field = 'status.conditions';
const alwaysTrue = ['Approved', 'Denied', 'Failed'];

/** What `old` has already stays acceptable. */
export function* validateCsrConditions(
  conditions: Conditions,
  old: Conditions,
): Iterable<FieldError> {
  const typesOf = (items: Conditions): string[] => items.map(({ type }) => type ?? '');
  const oldTypes = typesOf(old);
  const types = typesOf(conditions);
  const allowsBoth = oldTypes.includes('Approved') && oldTypes.includes('Denied');
  const allowsDuplicates = new Set(oldTypes).size < oldTypes.length;
  for (const [index, { status }] of conditions.entries()) {
    const path = `${field}[${index}]`;
    const type = types[index]!;
    if (!type && !oldTypes.includes('')) yield required(`${path}.type`);
    const allowed = alwaysTrue.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) yield required(`${path}.status`);
    else if (!allowed.includes(status)) yield notSupported(`${path}.status`, status, allowed);
    const before = types.slice(0, index);
    const opposite = { Approved: 'Denied', Denied: 'Approved' }[type];
    if (!allowsBoth && opposite && before.includes(opposite)) {
      yield invalidValue(field, type, 'Approved and Denied conditions are mutually exclusive');
    }
    if (!allowsDuplicates && before.includes(type)) yield duplicateValue(`${path}.type`, type);
  }
}

/** Approval, denial and failure are for good. */
export function* validateKeptConditions(csr: Csr, old: Csr): Iterable<FieldError> {
  for (const type of alwaysTrue) {
    if (ofType(csr, type).length < ofType(old, type).length) {
      yield forbiddenValue(field, `updates may not remove a condition of type ${quoted(type)}`);
    }
  }
}

/** No condition goes; approval and denial change in a subresource only. */
export function* validateFixedConditions(csr: Csr, old: Csr): Iterable<FieldError> {
  yield* validateKeptConditions(csr, old);
  for (const type of ['Approved', 'Denied']) {
    const before = ofType(old, type);
    const now = ofType(csr, type);
    if (now.length > before.length) {
      yield forbiddenValue(field, `updates may not add a condition of type ${quoted(type)}`);
    } else if (now.length === before.length && !semanticEqual(before, now)) {
      yield forbiddenValue(field, `updates may not modify a condition of type ${quoted(type)}`);
    }
  }
}

function ofType({ status }: Csr, wanted: string): Conditions {
  return (status.conditions ?? []).filter(({ type }) => type === wanted);
}

/** Why that is no chain of PEM certificates, '' if it is; what they say is not read. */
export function checkCertificate(certificate: string | undefined): string {
  if (!certificate) return '';
  const blocks = [
    ...atob(certificate).matchAll(/-----BEGIN ([^-]+)-----\n([\s\S]*?)-----END \1-----/g),
  ];
  for (const [, type, body] of blocks) {
    if (type !== 'CERTIFICATE') {
      return `only CERTIFICATE PEM blocks are allowed, found ${quoted(type!)}`;
    }
    if (body!.includes(':')) return 'no PEM block headers are permitted';
  }
  return blocks.length > 0 ? '' : 'must contain at least one CERTIFICATE PEM block';
}

const quoted = (text: string): string => JSON.stringify(text);
