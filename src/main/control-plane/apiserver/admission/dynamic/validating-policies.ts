import {
  celBindings,
  type CelBindings,
} from '#main/control-plane/apiserver/admission/dynamic/bindings.ts';
import {
  compileVariables,
  withVariables,
  type CompiledVariables,
} from '#main/control-plane/apiserver/admission/dynamic/composition.ts';
import { evaluate, type Budget } from '#main/control-plane/apiserver/admission/dynamic/evaluate.ts';
import {
  checkConditions,
  compileConditions,
  type CompiledConditions,
} from '#main/control-plane/apiserver/admission/dynamic/match-conditions.ts';
import { isExempt } from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import {
  applicablePolicies,
  givenPolicies,
  type GivenPolicies,
  type Invocation,
} from '#main/control-plane/apiserver/admission/dynamic/policies.ts';
import { versionedRequest } from '#main/control-plane/apiserver/admission/dynamic/versioned.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { validatingAdmissionPolicies } from '#shared/api/admissionregistration/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from '#shared/api/admissionregistration/validating-admission-policy-binding.ts';
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '#shared/api/types/admissionregistration-v1.ts';
import { compileAdmission } from '#shared/cel/admission/environment.ts';
import type { Program } from '#shared/cel/environment.ts';
import { bool, nullType, string } from '#shared/cel/types.ts';
import { ApiError, type Reason } from '#shared/kube/errors.ts';

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;
type Validation = NonNullable<Policy['spec']['validations']>[number];
type Compiled = { readonly program: Program } | { readonly problem: string };

interface CompiledPolicy {
  readonly conditions: CompiledConditions;
  readonly variables: CompiledVariables;
  readonly validations: readonly {
    readonly validation: Validation;
    readonly condition: Compiled;
    readonly message: Compiled | undefined;
  }[];
  readonly annotations: readonly {
    readonly key: string;
    readonly source: string;
    readonly value: Compiled;
  }[];
}

/** Why a request is to be refused, or warned about. */
interface Denial {
  readonly message: string;
  readonly reason: string;
  readonly policy: Policy;
  readonly binding: Binding | undefined;
}

const budgetOfBinding = 10_000_000;
const longestMessage = 5 * 1024;

/** Policies in CEL that may refuse objects. */
export function validatingPolicies(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: (_operation, resource) => !isExempt(resource),
    validate(request, context) {
      const { objects } = context;
      const given = givenPolicies(
        objects.list(validatingAdmissionPolicies),
        objects.list(validatingAdmissionPolicyBindings),
      );
      return given && validateAll(request, { ...given, context, authorizer });
    },
  };
}

interface Given extends GivenPolicies<Policy, Binding> {
  readonly context: AdmissionContext;
  readonly authorizer: Authorizer;
}

async function validateAll(request: AdmissionRequest, given: Given): Promise<void> {
  const [denial] = await denials(request, given);
  if (denial) throw refusal(request, denial);
}

async function denials(request: AdmissionRequest, given: Given): Promise<Denial[]> {
  const { context } = given;
  const { invocations, misconfigured } = applicablePolicies(request, given, context);
  const found: Denial[] = [];
  for (const { policy, binding, message } of misconfigured) {
    if (policy.spec.failurePolicy === 'Ignore') continue;
    found.push({ message, reason: '', policy, binding });
  }
  for (const invocation of invocations) {
    const { policy, binding } = invocation;
    for (const { message, reason } of await problems(request, invocation, given)) {
      for (const action of binding.spec.validationActions ?? []) {
        if (action === 'Deny') found.push({ message, reason, policy, binding });
        else if (action === 'Warn') {
          request.warn(
            `Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}': ${message}`,
          );
        } else {
          context.log.info('Validation failed', {
            policy: policy.metadata.name,
            binding: binding.metadata.name,
            message,
          });
        }
      }
    }
  }
  return found;
}

interface PolicyProblem {
  readonly message: string;
  readonly reason: string;
}

/** What one policy with one parameter has against the request. */
async function problems(
  request: AdmissionRequest,
  { policy, match, param }: Invocation<Policy, Binding>,
  { context, authorizer }: Given,
): Promise<readonly PolicyProblem[]> {
  const compiled = compiledPolicy(policy);
  const { conditions, variables } = compiled;
  const versioned = await versionedRequest(request, match, context);
  const plain = celBindings({ versioned, context, authorizer, params: param });
  const isIgnored = policy.spec.failurePolicy === 'Ignore';
  const failed = (message: string): PolicyProblem[] => (isIgnored ? [] : [{ message, reason: '' }]);
  const holds = checkConditions(conditions, plain);
  if (holds === false) return [];
  if (holds !== true) return failed(holds.problem);
  const budget = { left: budgetOfBinding };
  const bindings = withVariables(plain, variables, budget);
  const found: PolicyProblem[] = [];
  for (const { validation, condition, message } of compiled.validations) {
    const result = run(condition, bindings, { budget, source: validation.expression });
    if ('problem' in result) {
      found.push(...failed(result.problem));
      if (result.isFinal) return found;
    } else if (result.value !== true) {
      const text = message && messageOf(message, validation, { bindings, budget });
      found.push({
        message:
          text ||
          validation.message?.trim() ||
          `failed expression: ${validation.expression.trim()}`,
        reason: validation.reason ?? 'Invalid',
      });
    }
  }
  return [...found, ...annotate(compiled, { policy, bindings, context, failed })];
}

function run(
  compiled: Compiled,
  { lookUp }: CelBindings,
  { budget, source }: { readonly budget: Budget; readonly source: string },
): ReturnType<typeof evaluate> {
  if ('problem' in compiled) return { problem: `compilation error: ${compiled.problem}` };
  return evaluate(compiled.program, lookUp, budget, source);
}

/** Nothing where the expression gives no text that can be shown. */
function messageOf(
  message: Compiled,
  { messageExpression = '' }: Validation,
  { bindings, budget }: { readonly bindings: CelBindings; readonly budget: Budget },
): string {
  const result = run(message, bindings, { budget, source: messageExpression });
  if ('problem' in result || typeof result.value !== 'string') return '';
  const text = result.value.trim();
  return text.includes('\n') || Buffer.byteLength(text) > longestMessage ? '' : text;
}

interface Annotating {
  readonly policy: Policy;
  readonly bindings: CelBindings;
  readonly context: AdmissionContext;
  failed(message: string): PolicyProblem[];
}

function annotate(
  { annotations }: CompiledPolicy,
  { policy, bindings, context, failed }: Annotating,
): PolicyProblem[] {
  const budget = { left: budgetOfBinding };
  return annotations.flatMap(({ key, source, value }) => {
    const result = run(value, bindings, { budget, source });
    if ('problem' in result) return failed(result.problem);
    const text = typeof result.value === 'string' ? result.value.trim() : '';
    if (text) {
      context.log.info('Audit annotation', { key: `${policy.metadata.name}/${key}`, value: text });
    }
    return [];
  });
}

const known = new WeakMap<Policy, CompiledPolicy>();

function compiledPolicy(policy: Policy): CompiledPolicy {
  let compiled = known.get(policy);
  if (!compiled) known.set(policy, (compiled = compile(policy)));
  return compiled;
}

function compile({ spec }: Policy): CompiledPolicy {
  const { paramKind, matchConditions, validations = [], auditAnnotations = [] } = spec;
  const hasParams = paramKind !== undefined;
  const variables = compileVariables(spec.variables, { hasParams });
  const scope = { hasParams, hasAuthorizer: true, variables: variables.types };
  return {
    conditions: compileConditions(matchConditions, hasParams),
    variables,
    validations: validations.map((validation) => ({
      validation,
      condition: compileAdmission(validation.expression, scope, [bool]),
      message: validation.messageExpression
        ? compileAdmission(validation.messageExpression, { ...scope, hasAuthorizer: false }, [
            string,
          ])
        : undefined,
    })),
    annotations: auditAnnotations.map(({ key, valueExpression }) => ({
      key,
      source: valueExpression,
      value: compileAdmission(valueExpression, scope, [string, nullType]),
    })),
  };
}

const codes: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
};

function refusal(
  request: AdmissionRequest,
  { message, reason, policy, binding }: Denial,
): ApiError {
  const by = binding ? ` with binding '${binding.metadata.name}'` : '';
  const text = `ValidatingAdmissionPolicy '${policy.metadata.name}'${by} denied request: ${message}`;
  const refused = refuse(request, text);
  const shown = reason || 'Invalid';
  return new ApiError(shown as Reason, refused.message, {
    code: codes[shown] ?? 422,
    details: refused.details,
    causes: [{ type: '', field: '', message: text }],
  });
}
