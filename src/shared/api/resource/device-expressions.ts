import { CelEnvironment, type Program } from '#shared/cel/environment.ts';
import { estimateCost } from '#shared/cel/estimate.ts';
import {
  bool,
  dyn,
  isDyn,
  isSameType,
  mapOf,
  objectType,
  parseType,
  string,
  type CelType,
} from '#shared/cel/types.ts';

/** A device as expressions of device classes and claims see it. */
export const deviceType: CelType = objectType('kubernetes.DRADevice', {
  fields: new Map<string, CelType>([
    ['driver', string],
    ['attributes', mapOf(string, mapOf(string, dyn))],
    ['capacity', mapOf(string, mapOf(string, parseType('kubernetes.Quantity')))],
  ]),
});

const environment = new CelEnvironment({ variables: { device: deviceType } });
const mostCost = 1_000_000;

/** Upstream's bounds for what a device may hold: attributes and capacity together, names, texts. */
const mostMembers = 32;
const longestText = 128;

/** A program, or what is wrong with the expression in upstream's words. */
export function compileDeviceSelector(
  expression: string,
): { readonly program: Program; readonly isTooComplex: boolean } | { readonly problem: string } {
  const compiled = environment.compile(expression);
  if ('issues' in compiled) return { problem: `compilation failed: ${compiled.issues}` };
  const { program } = compiled;
  if (!isSameType(program.type, bool) && !isDyn(program.type)) {
    return { problem: `must evaluate to bool or the unknown type, not ${nameOf(program.type)}` };
  }
  const { max } = estimateCost(program, sizeAt);
  return { program, isTooComplex: max > mostCost };
}

function nameOf(type: CelType): string {
  return type.kind === 'simple' ? type.name : type.kind;
}

function sizeAt(path: readonly string[]): { readonly min: number; readonly max: number } {
  const isMap = path.length < 4 && path.at(-1) !== 'driver';
  return { min: 0, max: isMap ? mostMembers : longestText };
}
