import {
  celBindings,
  type CelBindings,
} from '#main/control-plane/apiserver/admission/dynamic/bindings.ts';
import {
  compileVariables,
  withVariables,
  type CompiledVariables,
} from '#main/control-plane/apiserver/admission/dynamic/composition.ts';
import { evaluate } from '#main/control-plane/apiserver/admission/dynamic/evaluate.ts';
import { convertTo } from '#main/control-plane/apiserver/admission/dynamic/kinds.ts';
import {
  checkConditions,
  compileConditions,
  type CompiledConditions,
} from '#main/control-plane/apiserver/admission/dynamic/match-conditions.ts';
import { isExempt } from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import { mutated } from '#main/control-plane/apiserver/admission/dynamic/mutations.ts';
import {
  applicablePolicies,
  givenPolicies,
  type GivenPolicies,
  type Invocation,
} from '#main/control-plane/apiserver/admission/dynamic/policies.ts';
import type { Reinvocation } from '#main/control-plane/apiserver/admission/dynamic/reinvocation.ts';
import { codecFor, replaceDraft } from '#main/control-plane/apiserver/admission/dynamic/replace.ts';
import { versionedRequest } from '#main/control-plane/apiserver/admission/dynamic/versioned.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { mutatingAdmissionPolicies } from '#shared/api/admissionregistration/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindings } from '#shared/api/admissionregistration/mutating-admission-policy-binding.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from '#shared/api/types/admissionregistration-v1.ts';
import { compileAdmission } from '#shared/cel/admission/environment.ts';
import { jsonPatchType, objectPatchType } from '#shared/cel/admission/patch-types.ts';
import type { Program } from '#shared/cel/environment.ts';
import { listOf } from '#shared/cel/types.ts';
import { CelError } from '#shared/cel/values.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { keyOf } from '#shared/kube/object.ts';

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;

interface CompiledPolicy {
  readonly conditions: CompiledConditions;
  readonly variables: CompiledVariables;
  readonly mutations: readonly {
    readonly source: string;
    readonly compiled: { readonly program: Program } | { readonly problem: string };
  }[];
}

const budgetOfBinding = 10_000_000;

/** Policies in CEL that may change objects. */
export function mutatingPolicies(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'MutatingAdmissionPolicy',
    handles: (operation, resource) => operation !== 'DELETE' && !isExempt(resource),
    admit(request, context, reinvocation) {
      const { objects } = context;
      const given = givenPolicies(
        objects.list(mutatingAdmissionPolicies),
        objects.list(mutatingAdmissionPolicyBindings),
      );
      return given && admitAll(request, { ...given, context, authorizer, reinvocation });
    },
  };
}

interface Round extends GivenPolicies<Policy, Binding> {
  readonly context: AdmissionContext;
  readonly authorizer: Authorizer;
  readonly reinvocation: Reinvocation;
}

async function admitAll(request: AdmissionRequest, round: Round): Promise<void> {
  const { context, reinvocation } = round;
  const { invocations, misconfigured } = applicablePolicies(request, round, context);
  const messages = misconfigured
    .filter(({ policy }) => policy.spec.failurePolicy !== 'Ignore')
    .map(({ policy, binding, message }) => denialText(policy, binding, message));
  const isConfigured = messages.length === 0;
  for (const invocation of invocations) {
    const { policy, binding, param } = invocation;
    const key = param ? keyOf(param.metadata) : '';
    const id = `policy ${policy.metadata.name}/${binding.metadata.name}/${key}`;
    if (reinvocation.isSecondRound && !reinvocation.isDue(id)) continue;
    const before = structuredClone(request.object);
    const problem = await apply(request, invocation, round);
    if (problem !== undefined && policy.spec.failurePolicy !== 'Ignore') {
      messages.push(denialText(policy, binding, problem));
    }
    if (!semanticEqual(before, request.object)) reinvocation.changed();
    if (policy.spec.reinvocationPolicy === 'IfNeeded') reinvocation.seen(id);
  }
  if (messages.length > 0) throw refusal(request, messages, isConfigured);
}

function denialText(policy: Policy, binding: Binding | undefined, message: string): string {
  const { name } = policy.metadata;
  return binding
    ? `policy '${name}' with binding '${binding.metadata.name}' denied request: ${message}`
    : `policy ${JSON.stringify(name)} denied request: ${message}`;
}

function refusal(
  request: AdmissionRequest,
  messages: readonly string[],
  isConfigured: boolean,
): ApiError {
  const { details } = refuse(request, 'admission request denied by policy');
  return new ApiError(isConfigured ? 'Invalid' : 'Forbidden', messages[0]!, {
    code: 403,
    details,
    causes: messages.map((message) => ({ type: '', field: '', message })),
  });
}

/** Changes the request's object in place; says what stands against it. */
async function apply(
  request: AdmissionRequest,
  { policy, match, param }: Invocation<Policy, Binding>,
  { context, authorizer }: Round,
): Promise<string | undefined> {
  const { conditions, variables, mutations } = compiledPolicy(policy);
  const bindingsNow = async (): Promise<CelBindings> =>
    celBindings({
      versioned: await versionedRequest(request, match, context),
      context,
      authorizer,
      params: param,
    });
  const holds = checkConditions(conditions, await bindingsNow());
  if (holds === false) return undefined;
  if (holds !== true) return holds.problem;
  let problem: string | undefined;
  for (const { compiled, source } of mutations) {
    if (!request.object) return problem;
    if ('problem' in compiled) {
      problem ??= `compilation error: ${compiled.problem}`;
      continue;
    }
    const budget = { left: budgetOfBinding };
    const bindings = withVariables(await bindingsNow(), variables, budget);
    const result = evaluate(compiled.program, bindings.lookUp, budget, source);
    if ('problem' in result) problem ??= result.problem;
    else problem ??= await change(request, { match, context }, result.value);
  }
  return problem;
}

async function change(
  request: AdmissionRequest,
  { match, context }: Pick<Invocation<Policy, Binding>, 'match'> & Pick<Round, 'context'>,
  value: Parameters<typeof mutated>[1],
): Promise<string | undefined> {
  const { object } = await versionedRequest(request, match, context);
  const codec = codecFor(request, context);
  if (!codec || !object || !request.object) return undefined;
  const own = context.catalog.of(request.resource);
  const { served } = match;
  const isOther = own && served && own !== served && object.kind === served.resource.kind;
  const schema = isOther ? served.codec.schema : codec.schema;
  try {
    const next = mutated(object, value, schema);
    const back = isOther ? await convertTo(served, own, next as KubeObject) : next;
    replaceDraft(request.object, back, codec);
    return undefined;
  } catch (error) {
    if (error instanceof CelError || error instanceof ApiError) return error.message;
    throw error;
  }
}

const known = new WeakMap<Policy, CompiledPolicy>();

function compiledPolicy(policy: Policy): CompiledPolicy {
  let compiled = known.get(policy);
  if (!compiled) known.set(policy, (compiled = compile(policy)));
  return compiled;
}

function compile({ spec }: Policy): CompiledPolicy {
  const hasParams = spec.paramKind !== undefined;
  const variables = compileVariables(spec.variables, { hasParams, hasPatchTypes: true });
  const scope = { hasParams, hasAuthorizer: true, hasPatchTypes: true, variables: variables.types };
  return {
    conditions: compileConditions(spec.matchConditions, hasParams),
    variables,
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const isJson = patchType === 'JSONPatch';
      const source = (isJson ? jsonPatch : applyConfiguration)?.expression ?? '';
      const type = isJson ? listOf(jsonPatchType) : objectPatchType;
      return { source, compiled: compileAdmission(source, scope, [type]) };
    }),
  };
}
