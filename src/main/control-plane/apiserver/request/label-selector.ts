import { ApiError } from '#shared/kube/errors.ts';
import {
  createSelector,
  everything,
  type Requirement,
  type Selector,
  type SelectorOperator,
} from '#shared/kube/selectors.ts';

type TokenType = 'identifier' | 'end' | '!' | '=' | '==' | '!=' | '<' | '>' | '(' | ')' | ',';

interface Token {
  readonly type: TokenType;
  readonly text: string;
}

const symbols = /\s*(==|!=|=|!|<|>|\(|\)|,|[^\s=!<>(),]+)/y;
const compareOperators: Readonly<Record<string, SelectorOperator>> = {
  '=': 'Equals',
  '==': 'Equals',
  '!=': 'NotEquals',
  '<': 'LessThan',
  '>': 'GreaterThan',
};

/** Compiles a `labelSelector` parameter; throws `BadRequest` in the words of upstream's parser. */
export function parseLabelSelector(text: string | undefined): Selector {
  if (!text?.trim()) return everything;
  const cached = compiled.get(text);
  if (cached) return cached;
  const selector = createSelector(new Parser(tokensOf(text)).parse());
  if (compiled.size > 1_000) compiled.clear();
  compiled.set(text, selector);
  return selector;
}

/** Clients ask for the same few again and again. */
const compiled = new Map<string, Selector>();

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  symbols.lastIndex = 0;
  for (let match = symbols.exec(text); match; match = symbols.exec(text)) {
    const [, found = ''] = match;
    const type = /^[=!<>(),]/.test(found) ? (found as TokenType) : 'identifier';
    tokens.push({ type, text: found });
  }
  tokens.push({ type: 'end', text: '' });
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const { type, text } = this.#peek();
      if (type === 'end') return requirements;
      if (type !== 'identifier' && type !== '!') {
        throw unparsable(`found '${text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const after = this.#next();
      if (after.type === 'end') return requirements;
      if (after.type !== ',') {
        throw unparsable(`found '${after.text}', expected: ',' or 'end of string'`);
      }
      const following = this.#peek();
      if (following.type !== 'identifier' && following.type !== '!') {
        throw unparsable(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    const isNegated = this.#peek().type === '!';
    if (isNegated) this.#next();
    const token = this.#next();
    if (token.type !== 'identifier') {
      throw unparsable(`found '${token.text}', expected: identifier`);
    }
    const key = token.text;
    const { type } = this.#peek();
    if (type === 'end' || type === ',' || isNegated) {
      return checked({ key, operator: isNegated ? 'DoesNotExist' : 'Exists', values: [] });
    }
    const operator = this.#operator();
    const values =
      operator === 'In' || operator === 'NotIn' ? this.#valueSet() : [this.#exactValue()];
    return checked({ key, operator, values });
  }

  #operator(): SelectorOperator {
    const { text } = this.#next();
    if (text === 'in') return 'In';
    if (text === 'notin') return 'NotIn';
    const operator = compareOperators[text];
    if (!operator) {
      throw unparsable(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    return operator;
  }

  #exactValue(): string {
    const { type, text } = this.#peek();
    if (type === 'end' || type === ',') return '';
    this.#next();
    if (type !== 'identifier') throw unparsable(`found '${text}', expected: identifier`);
    return text;
  }

  /** `(a, b)`; empty places count as empty values. */
  #valueSet(): string[] {
    const open = this.#next();
    if (open.type !== '(') throw unparsable(`found '${open.text}', expected: '('`);
    const values = new Set<string>();
    let isValueDue = true;
    for (;;) {
      const { type, text } = this.#next();
      if (type === 'identifier' && isValueDue) {
        values.add(text);
        isValueDue = false;
      } else if (type === ',' || type === ')') {
        if (isValueDue) values.add('');
        if (type === ')') return [...values].sort();
        isValueDue = true;
      } else throw unparsable(`found '${text}', expected: ',', or ')'`);
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #next(): Token {
    const token = this.#tokens[this.#at]!;
    if (token.type !== 'end') this.#at++;
    return token;
  }
}

const labelName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelCharacters =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const problem = keyProblem(key);
  if (problem) throw unparsable(`key: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  if (operator === 'GreaterThan' || operator === 'LessThan') {
    const [value = ''] = values;
    if (!/^[+-]?\d+$/.test(value)) {
      throw unparsable(
        `values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
  }
  values.forEach((value, index) => {
    const wrong = valueProblem(value);
    if (wrong) {
      throw unparsable(
        `values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong}`,
      );
    }
  });
  return requirement;
}

function keyProblem(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.at(-1)!;
  if (parts.length > 2) {
    return `a qualified name ${labelCharacters} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  if (parts.length === 2) {
    const [prefix = ''] = parts;
    if (!prefix) return 'prefix part must be non-empty';
    if (prefix.length > 253 || !dnsSubdomain.test(prefix)) {
      return "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    }
  }
  if (!name) return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  if (!labelName.test(name)) {
    return `name part ${labelCharacters} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
  }
  return undefined;
}

function valueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  if (value && !labelName.test(value)) {
    return `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;
  }
  return undefined;
}

function unparsable(why: string): ApiError {
  return new ApiError('BadRequest', `unable to parse requirement: ${why}`);
}
