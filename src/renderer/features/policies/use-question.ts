import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import type { Pod } from '#shared/api/types/core-v1.ts';
import {
  evaluateIn,
  type Endpoint,
  type Flow,
  type PolicyModel,
  type Protocol,
} from '#shared/policy/index.ts';
import { outside, type Edge } from './edges.ts';
import { endOf, type End } from './ends.ts';
import type { PodGroup } from './groups.ts';
import { verdictWords, type VerdictWords } from './words.ts';

export interface Answer {
  readonly isAllowed: boolean;
  readonly egress: VerdictWords;
  readonly ingress: VerdictWords;
}

/** From, to, port: may it pass? */
export interface Question {
  readonly from: ShallowRef<string>;
  readonly to: ShallowRef<string>;
  readonly port: ShallowRef<number>;
  readonly protocol: ShallowRef<Protocol>;
  readonly fromEnd: ComputedRef<End>;
  readonly toEnd: ComputedRef<End>;
  readonly answer: ComputedRef<Answer | undefined>;
  /** The box that each side is, in the drawing. */
  readonly fromId: ComputedRef<string>;
  readonly toId: ComputedRef<string>;
  readonly edges: ComputedRef<readonly Edge[]>;
  readonly extra: ComputedRef<readonly string[]>;
  ask(from: string, to: string): void;
  /** The first group that is picked is the one side, the next the other. */
  pick(id: string): void;
}

export function useQuestion(
  model: ComputedRef<PolicyModel>,
  groups: ComputedRef<readonly PodGroup[]>,
  pods: ShallowRef<Map<string, Pod>>,
): Question {
  const [from, to] = [shallowRef(''), shallowRef('')];
  const port = shallowRef(80);
  const protocol = shallowRef<Protocol>('TCP');
  const fromEnd = computed(() => endOf(from.value, groups.value, pods.value));
  const toEnd = computed(() => endOf(to.value, groups.value, pods.value));
  const answer = computed(() =>
    answerTo(model.value, {
      from: fromEnd.value,
      to: toEnd.value,
      port: port.value,
      protocol: protocol.value,
    }),
  );
  const fromId = computed(() => boxOf(fromEnd.value));
  const toId = computed(() => boxOf(toEnd.value));
  const edges = computed((): readonly Edge[] => {
    if (!answer.value || fromId.value === toId.value) return [];
    const tone = answer.value.isAllowed ? 'good' : 'bad';
    const text = `${answer.value.isAllowed ? '✓' : '✗'} ${protocol.value} ${port.value}`;
    return [{ from: fromId.value, to: toId.value, text, tone, isAsked: true }];
  });
  const extra = computed(() =>
    [fromId.value, toId.value].filter((id) => id.startsWith(outside(''))),
  );

  function ask(newFrom: string, newTo: string): void {
    from.value = newFrom;
    to.value = newTo;
  }

  function pick(id: string): void {
    if (from.value === '' || to.value !== '') ask(id, '');
    else to.value = id;
    const [first] = groups.value.find((group) => group.id === to.value)?.pods ?? [];
    const listening = first?.spec.containers.flatMap(({ ports = [] }) => ports)[0];
    if (!listening) return;
    port.value = listening.containerPort;
    protocol.value = (listening.protocol ?? 'TCP') as Protocol;
  }

  return {
    from,
    to,
    port,
    protocol,
    fromEnd,
    toEnd,
    answer,
    fromId,
    toId,
    edges,
    extra,
    ask,
    pick,
  };
}

function answerTo(
  model: PolicyModel,
  asked: Pick<Flow, 'port' | 'protocol'> & { readonly from: End; readonly to: End },
): Answer | undefined {
  const { from, to, port, protocol } = asked;
  if (from.type !== 'known' || to.type !== 'known') return undefined;
  const flow = { from: from.endpoint, to: otherPod(from, to), port, protocol };
  const { allowed, egress, ingress } = evaluateIn(model, flow);
  return {
    isAllowed: allowed,
    egress: verdictWords(egress, 'egress'),
    ingress: verdictWords(ingress, 'ingress'),
  };
}

/** Within a group it is about two of its pods: one always reaches itself. */
function otherPod(
  from: Extract<End, { type: 'known' }>,
  to: Extract<End, { type: 'known' }>,
): Endpoint {
  const [, other] = to.group?.pods ?? [];
  const isSame = from.group === to.group && samePod(from.endpoint, to.endpoint);
  return isSame && other ? { pod: other } : to.endpoint;
}

function samePod(a: Endpoint, b: Endpoint): boolean {
  return 'pod' in a && 'pod' in b && a.pod === b.pod;
}

function boxOf(end: End): string {
  if (end.type !== 'known') return '';
  if (end.group) return end.group.id;
  return 'address' in end.endpoint ? outside(end.endpoint.address) : '';
}
