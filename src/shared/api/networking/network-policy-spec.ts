import type {
  IPBlock,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '#shared/api/types/networking-v1.ts';
import { invalidEach, isClean, legacyCidr } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { parseCidr } from '#shared/kube/ip.ts';
import { portName, portNumber } from '#shared/kube/names.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';

interface Known {
  /** Ranges that the old object has already, however they are written. */
  readonly ranges: readonly string[];
  readonly allowsInvalidValues: boolean;
}

const protocols = ['SCTP', 'TCP', 'UDP'];
const policyTypes = ['Egress', 'Ingress'];

export function* validateNetworkPolicySpec(
  spec: NetworkPolicySpec,
  old: NetworkPolicySpec | undefined,
): Iterable<FieldError> {
  const known = knownOf(old);
  yield* validateLabelSelector(spec.podSelector, 'spec.podSelector', known);
  for (const [index, { ports = [], from = [] }] of (spec.ingress ?? []).entries()) {
    const path = `spec.ingress[${index}]`;
    yield* validatePorts(ports, `${path}.ports`);
    yield* validatePeers(from, `${path}.from`, known);
  }
  for (const [index, { ports = [], to = [] }] of (spec.egress ?? []).entries()) {
    const path = `spec.egress[${index}]`;
    yield* validatePorts(ports, `${path}.ports`);
    yield* validatePeers(to, `${path}.to`, known);
  }
  const { policyTypes: types = [] } = spec;
  if (types.length > policyTypes.length) {
    yield invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes');
  }
  for (const [index, type] of types.entries()) {
    if (policyTypes.includes(type)) continue;
    yield notSupported(`spec.policyTypes[${index}]`, type, policyTypes);
  }
}

function knownOf(old: NetworkPolicySpec | undefined): Known {
  if (!old) return { ranges: [], allowsInvalidValues: false };
  const peers = [
    ...(old.ingress ?? []).flatMap(({ from = [] }) => from),
    ...(old.egress ?? []).flatMap(({ to = [] }) => to),
  ];
  return {
    ranges: peers.flatMap(({ ipBlock }) =>
      ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [],
    ),
    allowsInvalidValues: !isClean(validateLabelSelector(old.podSelector, '')),
  };
}

function* validatePorts(ports: readonly NetworkPolicyPort[], field: string): Iterable<FieldError> {
  for (const [index, port] of ports.entries()) yield* validatePort(port, `${field}[${index}]`);
}

function* validatePort(
  { protocol, port, endPort }: NetworkPolicyPort,
  field: string,
): Iterable<FieldError> {
  if (protocol !== undefined && !protocols.includes(protocol)) {
    yield notSupported(`${field}.protocol`, protocol, protocols);
  }
  const end = `${field}.endPort`;
  if (typeof port === 'number') {
    yield* invalidEach(`${field}.port`, port, portNumber(port));
    if (endPort === undefined) return;
    if (endPort < port) yield invalidValue(end, port, 'must be greater than or equal to `port`');
    yield* invalidEach(end, endPort, portNumber(endPort));
    return;
  }
  if (endPort !== undefined) {
    const state = port === undefined ? 'not specified' : 'non-numeric';
    yield invalidValue(end, endPort, `may not be specified when \`port\` is ${state}`);
  }
  if (port !== undefined) yield* invalidEach(`${field}.port`, port, portName(port));
}

function* validatePeers(
  peers: readonly NetworkPolicyPeer[],
  field: string,
  known: Known,
): Iterable<FieldError> {
  for (const [index, { podSelector, namespaceSelector, ipBlock }] of peers.entries()) {
    const path = `${field}[${index}]`;
    yield* validateLabelSelector(podSelector, `${path}.podSelector`, known);
    yield* validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`, known);
    if (ipBlock) yield* validateBlock(ipBlock, `${path}.ipBlock`, known.ranges);
    const selects = podSelector ?? namespaceSelector;
    if (!selects && !ipBlock) yield required(path, 'must specify a peer');
    else if (selects && ipBlock) {
      yield forbiddenValue(path, 'may not specify both ipBlock and another peer');
    }
  }
}

function* validateBlock(
  { cidr, except = [] }: IPBlock,
  field: string,
  known: readonly string[],
): Iterable<FieldError> {
  if (!cidr) {
    yield required(`${field}.cidr`);
    return;
  }
  yield* legacyCidr(cidr, `${field}.cidr`, known);
  const whole = parseCidr(cidr);
  if (!whole) return;
  for (const [index, excepted] of except.entries()) {
    const path = `${field}.except[${index}]`;
    yield* legacyCidr(excepted, path, known);
    const part = parseCidr(excepted);
    if (!part) continue;
    const isInside =
      part.address.bytes.length === whole.address.bytes.length &&
      part.bits > whole.bits &&
      startsAlike(part.address.bytes, whole.address.bytes, whole.bits);
    if (!isInside) yield invalidValue(path, excepted, 'must be a strict subset of `cidr`');
  }
}

function startsAlike(a: readonly number[], b: readonly number[], bits: number): boolean {
  const differing = a.map((byte, index) => byte ^ b[index]!);
  const shared = differing.findIndex((byte) => byte !== 0);
  return shared < 0 || shared * 8 + Math.clz32(differing[shared]!) - 24 >= bits;
}
