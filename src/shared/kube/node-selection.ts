import { createSelector, type Requirement, type SelectorOperator } from '#shared/kube/selectors.ts';

/** What selection reads of a node. */
export interface SelectableNode {
  readonly metadata: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

interface NodeRequirementParts {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface NodeSelectorTermParts {
  readonly matchExpressions?: readonly NodeRequirementParts[];
  readonly matchFields?: readonly NodeRequirementParts[];
}

export interface NodeSelectorParts {
  readonly nodeSelectorTerms: readonly NodeSelectorTermParts[];
}

/** The parts of a pod's spec that say on which nodes it may run at all. */
export interface NodeConstrained {
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: NodeSelectorParts;
    };
  };
}

export type NodeTest = (node: SelectableNode) => boolean;

const never: NodeTest = () => false;
const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** One term as a test; a malformed term matches no node and an empty one none either. */
export function compileNodeSelectorTerm(term: NodeSelectorTermParts): NodeTest {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return never;
  const requirements: Requirement[] = [];
  for (const { key, operator, values = [] } of matchExpressions) {
    const requirement = labelRequirement(key, operator, values);
    if (!requirement) return never;
    requirements.push(requirement);
  }
  const fieldTests = matchFields.map(fieldTest);
  if (fieldTests.some((test) => !test)) return never;
  const selector = createSelector(requirements);
  return (node) => {
    if (!selector.matches(node.metadata.labels ?? noLabels)) return false;
    for (const test of fieldTests) if (!test?.(node)) return false;
    return true;
  };
}

/** Terms are alternatives; no usable term matches no node. */
export function compileNodeSelector({ nodeSelectorTerms }: NodeSelectorParts): NodeTest {
  const tests = nodeSelectorTerms.map(compileNodeSelectorTerm).filter((test) => test !== never);
  if (tests.length === 0) return never;
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (node) => tests.some((test) => test(node));
}

/**
 * `nodeSelector` and required node affinity together, as component-helpers' GetRequiredNodeAffinity.
 * `undefined` when the pod asks for nothing.
 */
export function requiredNodeTest({
  nodeSelector,
  affinity,
}: NodeConstrained): NodeTest | undefined {
  const entries = Object.entries(nodeSelector ?? {});
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const byAffinity = required && compileNodeSelector(required);
  if (entries.length === 0) return byAffinity;
  const bySelector: NodeTest = ({ metadata: { labels = noLabels } }) => {
    for (const [key, value] of entries) if (labels[key] !== value) return false;
    return true;
  };
  return byAffinity ? (node) => bySelector(node) && byAffinity(node) : bySelector;
}

const operators: Readonly<Record<string, SelectorOperator>> = {
  In: 'In',
  NotIn: 'NotIn',
  Exists: 'Exists',
  DoesNotExist: 'DoesNotExist',
  Gt: 'GreaterThan',
  Lt: 'LessThan',
};

/** `undefined` where apimachinery's NewRequirement fails. */
function labelRequirement(
  key: string,
  name: string,
  values: readonly string[],
): Requirement | undefined {
  const operator = operators[name];
  if (!operator) return undefined;
  if ((name === 'In' || name === 'NotIn') && values.length === 0) return undefined;
  if ((name === 'Exists' || name === 'DoesNotExist') && values.length > 0) return undefined;
  if (name === 'Gt' || name === 'Lt') {
    if (values.length !== 1 || !/^[+-]?\d+$/.test(values[0] ?? '')) return undefined;
  }
  return { key, operator, values };
}

/** Only `metadata.name` is a field of a node; one value each, as upstream's field selectors. */
function fieldTest({ key, operator, values = [] }: NodeRequirementParts): NodeTest | undefined {
  const [wanted] = values;
  if (values.length !== 1 || wanted === undefined) return undefined;
  const valueOf = ({ metadata }: SelectableNode): string =>
    key === 'metadata.name' ? (metadata.name ?? '') : '';
  if (operator === 'In') return (node) => valueOf(node) === wanted;
  if (operator === 'NotIn') return (node) => valueOf(node) !== wanted;
  return undefined;
}
