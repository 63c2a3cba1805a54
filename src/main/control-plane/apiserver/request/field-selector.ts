import { ApiError } from '#shared/kube/errors.ts';
import type { Requirement } from '#shared/kube/selectors.ts';

/** The terms of a `fieldSelector` parameter; throws `BadRequest` in upstream's words. */
export function parseFieldSelector(text: string | undefined): readonly Requirement[] {
  if (!text) return [];
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => requirementOf(term, text));
}

/** The value that a field must have, if the selector says so. */
export function exactValue(requirements: readonly Requirement[], key: string): string | undefined {
  return requirements.find((each) => each.key === key && each.operator === 'Equals')?.values[0];
}

/** At commas, unless a backslash stands before. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  let isEscaped = false;
  for (let i = 0; i < text.length; i++) {
    if (isEscaped) isEscaped = false;
    else if (text[i] === '\\') isEscaped = true;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function requirementOf(term: string, whole: string): Requirement {
  for (let i = 0; i < term.length; i++) {
    const operator = ['!=', '==', '='].find((each) => term.startsWith(each, i));
    if (!operator) continue;
    return {
      key: term.slice(0, i),
      operator: operator === '!=' ? 'NotEquals' : 'Equals',
      values: [unescape(term.slice(i + operator.length))],
    };
  }
  throw new ApiError('BadRequest', `invalid selector: '${whole}'; can't understand '${term}'`);
}

/** Only `\\`, `\,` and `\=` may be escaped, and the latter two must be. */
function unescape(value: string): string {
  if (!/[\\,=]/.test(value)) return value;
  let result = '';
  for (let i = 0; i < value.length; i++) {
    const character = value[i]!;
    if (character !== '\\') {
      if (character === ',' || character === '=') {
        throw new ApiError(
          'BadRequest',
          `invalid field selector: unescaped character in value: ${character}`,
        );
      }
      result += character;
      continue;
    }
    const escaped = value[++i] ?? '';
    if (!escaped || !'\\,='.includes(escaped)) {
      throw new ApiError(
        'BadRequest',
        `invalid field selector: invalid escape sequence: \\${escaped}`,
      );
    }
    result += escaped;
  }
  return result;
}
