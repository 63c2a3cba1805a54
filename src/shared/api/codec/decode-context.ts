import { NumberLiteral } from '#shared/api/codec/json.ts';

/** Upstream's decoders stop counting there. */
const maxStrictErrors = 100;

/** The value does not fit the type; the message is Go's, without the sentence that wraps it. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** One step of the way to the value that is being decoded: a struct's member, a map's key, an index. */
export type Step = PathMember | string | number;

export interface PathMember {
  readonly name: string;
  /** The Go struct's own name. */
  readonly owner: string;
  readonly embeddedIn: readonly string[];
}

/** What one decoding knows besides the value; texts are made only when something is wrong. */
export class DecodeContext {
  readonly steps: Step[] = [];
  depth = 0;
  /** Keys met, to tell from the text whether there were duplicates. */
  keys = 0;
  isStrict: boolean;
  readonly strictErrors: string[] = [];
  /** Reported when the value has been gone through. */
  firstFault: string | undefined;

  constructor(isStrict: boolean) {
    this.isStrict = isStrict;
  }

  unknownField(key: string): void {
    if (!this.isStrict || this.strictErrors.length >= maxStrictErrors) return;
    this.strictErrors.push(`unknown field ${JSON.stringify(this.strictPath(key))}`);
  }

  /** Go goes on after such a fault and reports the first at the end. */
  remember(message: string): void {
    this.firstFault ??= message;
  }

  mismatch(value: unknown, goType: string, isNumeric = false): void {
    this.firstFault ??= this.mismatchText(value, goType, isNumeric);
  }

  /** Go's own unmarshalling functions end the decoding at once. */
  fail(message: string): never {
    throw new DecodeError(message);
  }

  failMismatch(value: unknown, goType: string, isNumeric = false): never {
    throw new DecodeError(this.mismatchText(value, goType, isNumeric));
  }

  finish(): void {
    if (this.firstFault !== undefined) throw new DecodeError(this.firstFault);
  }

  mismatchText(value: unknown, goType: string, isNumeric: boolean): string {
    const shown = kindOf(value, isNumeric);
    const members = this.steps
      .slice(0, this.depth)
      .filter((step): step is PathMember => typeof step === 'object');
    const last = members.at(-1);
    if (!last) return `json: cannot unmarshal ${shown} into Go value of type ${goType}`;
    const field = members.flatMap(({ embeddedIn, name }) => [...embeddedIn, name]).join('.');
    return `json: cannot unmarshal ${shown} into Go struct field ${last.owner}.${field} of type ${goType}`;
  }

  /** Such as `spec.containers[0].name`. */
  strictPath(key: string): string {
    let path = '';
    for (const step of this.steps.slice(0, this.depth)) {
      if (typeof step === 'number') path += `[${step}]`;
      else {
        const name = typeof step === 'string' ? step : step.name;
        path += path ? `.${name}` : name;
      }
    }
    return path ? `${path}.${key}` : key;
  }
}

function kindOf(value: unknown, isNumeric: boolean): string {
  if (value instanceof NumberLiteral) return isNumeric ? `number ${value.source}` : 'number';
  if (typeof value === 'number') return isNumeric ? `number ${value}` : 'number';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : 'object';
}
