import { ApiError } from '#shared/kube/errors.ts';
import { labelValue, qualifiedName } from '#shared/kube/names.ts';
import type { Requirement, SelectorOperator } from '#shared/kube/selectors.ts';

type TokenKind = 'identifier' | 'operator' | 'end' | 'error';

interface Token {
  readonly kind: TokenKind;
  /** For an error what upstream's scanner says. */
  readonly text: string;
}

const symbols: ReadonlySet<string> = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const operators: Readonly<Record<string, SelectorOperator>> = {
  in: 'In',
  '=': 'Equals',
  '==': 'Equals',
  '>': 'GreaterThan',
  '<': 'LessThan',
  notin: 'NotIn',
  '!=': 'NotEquals',
};
const binaryOperators = 'in, notin, =, ==, !=, gt, lt';

/**
 * Reads a label selector such as `app in (web, db), !canary`; requirements come out sorted by key.
 * Throws a 400 in upstream's words.
 */
export function parseLabelSelector(text: string): Requirement[] {
  return new LabelSelectorParser(text)
    .parse()
    .sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
}

class LabelSelectorParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = scan(text);
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const { kind, text } = this.#peek();
      if (kind === 'end') return requirements;
      if (kind !== 'identifier' && text !== '!') {
        throw bad(`found '${text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const separator = this.#next();
      if (separator.kind === 'end') return requirements;
      if (!isSymbol(separator, ',')) {
        throw bad(`found '${separator.text}', expected: ',' or 'end of string'`);
      }
      const following = this.#peek();
      if (following.kind !== 'identifier' && !isSymbol(following, '!')) {
        throw bad(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    let token = this.#next();
    const isNegated = isSymbol(token, '!');
    if (isNegated) token = this.#next();
    if (token.kind !== 'identifier') {
      throw badRequirement(`found '${token.text}', expected: identifier`);
    }
    const key = token.text;
    const problems = qualifiedName(key);
    if (problems.length > 0) throw badRequirement(invalidText('<nil>', key, problems));
    const following = this.#peek();
    const isAlone = following.kind === 'end' || isSymbol(following, ',');
    if (isNegated) return { key, operator: 'DoesNotExist', values: [] };
    if (isAlone) return { key, operator: 'Exists', values: [] };
    const sign = this.#next(true);
    const operator = sign.kind === 'operator' ? operators[sign.text] : undefined;
    if (!operator) throw badRequirement(`found '${sign.text}', expected: ${binaryOperators}`);
    const values =
      operator === 'In' || operator === 'NotIn' ? this.#values() : [this.#exactValue()];
    return checked({ key, operator, values });
  }

  #exactValue(): string {
    const token = this.#peek();
    if (token.kind === 'end' || isSymbol(token, ',')) return '';
    this.#at++;
    if (token.kind === 'identifier') return token.text;
    throw badRequirement(`found '${token.text}', expected: identifier`);
  }

  #values(): string[] {
    const open = this.#next();
    if (!isSymbol(open, '(')) throw badRequirement(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (isSymbol(first, ')')) {
      this.#at++;
      return [''];
    }
    if (first.kind !== 'identifier' && !isSymbol(first, ',')) {
      throw badRequirement(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#identifiers();
    this.#at++;
    return [...values].sort();
  }

  /** Up to the closing parenthesis; an empty place between commas is an empty value. */
  #identifiers(): Set<string> {
    const values = new Set<string>();
    for (;;) {
      const token = this.#next();
      const following = this.#peek();
      if (token.kind === 'identifier') {
        values.add(token.text);
        if (isSymbol(following, ')')) return values;
        if (!isSymbol(following, ',')) {
          throw badRequirement(`found '${following.text}', expected: ',' or ')'`);
        }
      } else if (isSymbol(token, ',')) {
        if (values.size === 0 || isSymbol(following, ',')) values.add('');
        if (isSymbol(following, ')')) return values.add('');
      } else throw badRequirement(`found '${token.text}', expected: ',', or identifier`);
    }
  }

  /** `in` and `notin` are words like any other except where an operator stands. */
  #peek(isOperatorPlace = false): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1)!;
    const isWord = token.kind === 'operator' && (token.text === 'in' || token.text === 'notin');
    return isWord && !isOperatorPlace ? { kind: 'identifier', text: token.text } : token;
  }

  #next(isOperatorPlace = false): Token {
    const token = this.#peek(isOperatorPlace);
    this.#at++;
    return token;
  }
}

function isSymbol(token: Token, text: string): boolean {
  return token.kind === 'operator' && token.text === text;
}

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /[ \t\r\n]*(?:([=!(),><]+)|([^=!(),>< \t\r\n]+))/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (!match) break;
    const [, signs, word] = match;
    if (signs === undefined) {
      tokens.push({
        kind: word === 'in' || word === 'notin' ? 'operator' : 'identifier',
        text: word!,
      });
    } else tokens.push(...scanSymbols(signs));
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

/** Takes the longest known symbol each time. All single signs are known, so none is left over. */
function scanSymbols(signs: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < signs.length;) {
    const pair = signs.slice(at, at + 2);
    const symbol = pair.length === 2 && symbols.has(pair) ? pair : signs[at]!;
    tokens.push({ kind: 'operator', text: symbol });
    at += symbol.length;
  }
  return tokens;
}

function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const problems: string[] = [];
  if (operator === 'GreaterThan' || operator === 'LessThan') {
    for (const [index, value] of values.entries()) {
      if (isInt64(value)) continue;
      problems.push(
        invalidText(`values[${index}]`, value, [
          "for 'Gt', 'Lt' operators, the value must be an integer",
        ]),
      );
    }
  }
  for (const [index, value] of values.entries()) {
    const wrong = labelValue(value);
    if (wrong.length > 0) problems.push(invalidText(`values[${index}][${key}]`, value, wrong));
  }
  if (problems.length === 0) return requirement;
  throw badRequirement(problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`);
}

function isInt64(text: string): boolean {
  return /^[+-]?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

function invalidText(field: string, value: string, problems: readonly string[]): string {
  return `${field}: Invalid value: ${JSON.stringify(value)}: ${problems.join('; ')}`;
}

function badRequirement(message: string): ApiError {
  return bad(`unable to parse requirement: ${message}`);
}

function bad(message: string): ApiError {
  return new ApiError('BadRequest', message);
}

/**
 * Reads a field selector such as `metadata.name=web,status.phase!=Running`; `\` escapes `\`, `,` and
 * `=` in a value. Whether a kind has the fields is not looked at. Throws a 400 in upstream's words.
 */
export function parseFieldSelector(text: string): Requirement[] {
  const requirements: Requirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const sign = /!=|==|=/.exec(term);
    if (!sign) throw bad(`invalid selector: '${text}'; can't understand '${term}'`);
    const key = term.slice(0, sign.index);
    const value = unescapeValue(term.slice(sign.index + sign[0].length));
    if (!key && !value) continue;
    const operator = sign[0] === '!=' ? 'NotEquals' : 'Equals';
    requirements.push({ key, operator, values: [value] });
  }
  return requirements;
}

/** At commas that no backslash escapes. */
function splitTerms(text: string): string[] {
  const terms = [''];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === ',') terms.push('');
    else if (letter === '\\') terms[terms.length - 1] += letter + (text[++at] ?? '');
    else terms[terms.length - 1] += letter;
  }
  return terms;
}

function unescapeValue(text: string): string {
  return text.replace(/\\(.?)|[,=]/gsu, (sequence, escaped: string | undefined) => {
    if (escaped === undefined) {
      throw bad(
        `invalid field selector: unescaped character in value: ${sequence.codePointAt(0)!}`,
      );
    }
    if (escaped === '' || !'\\,='.includes(escaped)) {
      throw bad(`invalid field selector: invalid escape sequence: ${sequence}`);
    }
    return escaped;
  });
}

/** The text that `parseLabelSelector` reads as these requirements. */
export function formatLabelSelector(requirements: readonly Requirement[]): string {
  return requirements
    .map(({ key, operator, values }) => {
      const [value = ''] = values;
      const list = `(${[...values].sort().join(',')})`;
      const forms: Readonly<Record<SelectorOperator, string>> = {
        Exists: key,
        DoesNotExist: `!${key}`,
        Equals: `${key}=${value}`,
        NotEquals: `${key}!=${value}`,
        In: `${key} in ${list}`,
        NotIn: `${key} notin ${list}`,
        GreaterThan: `${key}>${value}`,
        LessThan: `${key}<${value}`,
      };
      return forms[operator];
    })
    .join(',');
}

/** The text that `parseFieldSelector` reads as these requirements. */
export function formatFieldSelector(requirements: readonly Requirement[]): string {
  return requirements
    .map(({ key, operator, values: [value = ''] }) => {
      const escaped = value.replace(/[\\,=]/g, (letter) => `\\${letter}`);
      return `${key}${operator === 'NotEquals' ? '!=' : '='}${escaped}`;
    })
    .join(',');
}
