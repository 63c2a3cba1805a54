import type {
  Direction,
  DirectionVerdict,
  Miss,
  PolicyName,
  PortMatch,
  PortRange,
  RuleName,
} from '#shared/policy/index.ts';

export interface VerdictWords {
  readonly isAllowed: boolean;
  /** `allowed`, `denied`. */
  readonly word: string;
  /** Which policy and rule decided, or why none had to. */
  readonly why: string;
  /** What else is worth knowing, a line each. */
  readonly details: readonly string[];
  /** The policies that it speaks of. */
  readonly policies: readonly PolicyName[];
}

export const sides: Readonly<Record<Direction, string>> = {
  egress: 'leaving',
  ingress: 'entering',
};

const peerWords: Readonly<Record<Direction, string>> = {
  egress: 'where it goes to',
  ingress: 'where it comes from',
};

export function verdictWords(verdict: DirectionVerdict, direction: Direction): VerdictWords {
  if (!verdict.allowed) return deniedWords(verdict, direction);
  const allowed = { isAllowed: true, word: 'allowed', details: [], policies: [] };
  if (verdict.reason !== 'rule') return { ...allowed, why: exemptions(direction)[verdict.reason] };
  const { rule, others } = verdict;
  return {
    ...allowed,
    why: `by ${ruleText(rule, direction)}`,
    details: others.map((other) => `also by ${ruleText(other, direction)}`),
    policies: [rule, ...others].map(({ policy }) => policy),
  };
}

type Exemption = Exclude<DirectionVerdict['reason'], 'rule' | 'isolated'>;

function exemptions(direction: Direction): Readonly<Record<Exemption, string>> {
  return {
    'not isolated': `no policy is about what is ${sides[direction]} here`,
    'not a pod': 'policies select pods, and this side is none',
    'same pod': 'a pod always reaches itself',
    'own node': 'a pod and its own node always reach each other',
  };
}

function deniedWords(
  { by, misses }: Extract<DirectionVerdict, { allowed: false }>,
  direction: Direction,
): VerdictWords {
  const names = by.map(({ name }) => name).join(' and ');
  return {
    isAllowed: false,
    word: 'denied',
    why: `selected by ${names}, no rule matches`,
    details: misses.map((miss) => missText(miss, direction)),
    policies: by,
  };
}

function missText(miss: Miss, direction: Direction): string {
  const wrong = [
    ...(miss.isPeer ? [] : [peerWords[direction]]),
    ...(miss.isPort ? [] : ['the port']),
  ];
  return `${ruleText(miss, direction)} does not match ${wrong.join(' and ')}`;
}

/** `allow-web, ingress rule 1`. */
export function ruleText({ policy, index }: RuleName, direction: Direction): string {
  return `${policy.name}, ${direction} rule ${index + 1}`;
}

export function rangeText({ protocol, from, to }: PortRange): string {
  if (from === 1 && to === 65_535) return `${protocol} all ports`;
  return from === to ? `${protocol} ${from}` : `${protocol} ${from}–${to}`;
}

export function rangesText(ranges: readonly PortRange[]): string {
  const isEverything =
    ranges.length === 3 && ranges.every(({ from, to }) => from === 1 && to === 65_535);
  return isEverything ? 'every port' : ranges.map(rangeText).join(', ');
}

export function portsText(ports: 'every port' | readonly PortMatch[]): string {
  if (ports === 'every port') return ports;
  return ports
    .map((match) => ('name' in match ? `${match.protocol} ${match.name}` : rangeText(match)))
    .join(', ');
}
