import {
  authorizerFunctions,
  authorizerType,
  resourceCheckType,
} from '#shared/cel/admission/authorizer.ts';
import { patchFunctions, patchTypeNamed } from '#shared/cel/admission/patch-types.ts';
import { namespaceType, requestType } from '#shared/cel/admission/request-types.ts';
import { CelEnvironment, type Program } from '#shared/cel/environment.ts';
import type { FunctionTable } from '#shared/cel/functions.ts';
import { dyn, formatType, isSameType, objectType, type CelType } from '#shared/cel/types.ts';

/** What an expression of an admission plugin may name besides the request and its objects. */
export interface AdmissionScope {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  readonly hasPatchTypes?: boolean;
  /** The types of what the policy defines as variables; absent where there are no variables. */
  readonly variables?: ReadonlyMap<string, CelType>;
  /** Of `object` and `oldObject`, and of `params`, where they are known. */
  readonly objectType?: CelType;
  readonly paramsType?: CelType;
}

const noFunctions: FunctionTable = new Map();
const shared = new Map<string, CelEnvironment>();

/** The environment of a scope; those without variables and known types are made once. */
export function admissionEnvironment(scope: AdmissionScope): CelEnvironment {
  const { hasParams, hasAuthorizer, hasPatchTypes = false, variables } = scope;
  if (variables || scope.objectType || scope.paramsType) return create(scope);
  const key = [hasParams, hasAuthorizer, hasPatchTypes].join();
  let environment = shared.get(key);
  if (!environment) shared.set(key, (environment = create(scope)));
  return environment;
}

function create(scope: AdmissionScope): CelEnvironment {
  const { hasParams, hasAuthorizer, hasPatchTypes, variables } = scope;
  const ofObjects = scope.objectType ?? dyn;
  return new CelEnvironment({
    variables: {
      object: ofObjects,
      oldObject: ofObjects,
      request: requestType,
      namespaceObject: namespaceType,
      ...(hasParams && { params: scope.paramsType ?? dyn }),
      ...(hasAuthorizer && {
        authorizer: authorizerType,
        'authorizer.requestResource': resourceCheckType,
      }),
      ...(variables && {
        variables: objectType('kubernetes.variables', { fields: variables }),
      }),
    },
    functions: new Map([
      ...(hasAuthorizer ? authorizerFunctions : noFunctions),
      ...(hasPatchTypes ? patchFunctions : noFunctions),
    ]),
    ...(hasPatchTypes && { structType: patchTypeNamed }),
  });
}

/** A program of one of the wanted types, or what is wrong, in upstream's words. */
export function compileAdmission(
  expression: string,
  scope: AdmissionScope,
  wanted: readonly CelType[],
): { readonly program: Program } | { readonly problem: string } {
  const compiled = admissionEnvironment(scope).compile(expression);
  if ('issues' in compiled) return { problem: `compilation failed: ${compiled.issues}` };
  const { type } = compiled.program;
  if (wanted.length === 0 || wanted.some((each) => isSameType(each, type))) return compiled;
  const names = wanted.map(nameOf);
  const expected = names.length === 1 ? names[0] : `one of [${names.join(' ')}]`;
  return { problem: `must evaluate to ${expected} but got ${nameOf(type)}` };
}

/** As Go's cel.Type prints itself, which differs from how the checker does. */
function nameOf(type: CelType): string {
  if (type.kind === 'list') return `list(${nameOf(type.items)})`;
  if (type.kind === 'map') return `map(${nameOf(type.keys)}, ${nameOf(type.values)})`;
  if (type.kind === 'optional') return `optional_type(${nameOf(type.of)})`;
  const name = formatType(type);
  return wireNames[name] ?? name;
}

const wireNames: Readonly<Record<string, string>> = {
  duration: 'google.protobuf.Duration',
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
};
