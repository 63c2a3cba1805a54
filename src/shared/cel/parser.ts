import type { Expression, ListLiteral, MapEntry, StructField } from '#shared/cel/ast.ts';
import { integerOf, unquote, unquoteBytes, unsignedOf } from '#shared/cel/literals.ts';
import { expandMacro } from '#shared/cel/macros.ts';
import type { Issue } from '#shared/cel/source.ts';
import { tokensOf, type Token } from '#shared/cel/tokens.ts';
import { CelUnsigned, type CelValue } from '#shared/cel/values.ts';

export type Parsed =
  | { readonly expression: Expression; readonly issues?: undefined }
  | { readonly expression?: undefined; readonly issues: readonly Issue[] };

/** Parses an expression and expands its macros. */
export function parse(source: string): Parsed {
  const { tokens, issues } = tokensOf(source);
  const parser = new Parser(tokens);
  let expression: Expression | undefined;
  try {
    expression = parser.whole();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    parser.issues.push(error.issue);
  }
  const all = [...issues, ...parser.issues];
  return expression && all.length === 0 ? { expression } : { issues: all };
}

/** Ends the parsing where going on would tell nothing new. */
class SyntaxProblem extends Error {
  readonly issue: Issue;

  constructor(issue: Issue) {
    super(issue.message);
    this.issue = issue;
  }
}

const operands =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const deepest = 250;

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const words = new Set(['true', 'false', 'null', 'in']);

const relations: Readonly<Record<string, string>> = {
  '<': '_<_',
  '<=': '_<=_',
  '>': '_>_',
  '>=': '_>=_',
  '==': '_==_',
  '!=': '_!=_',
  in: '@in',
};

class Parser {
  readonly issues: Issue[] = [];
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#expression();
    const { kind } = this.#peek();
    if (kind === 'end') return expression;
    const isLast = this.#tokens[this.#next + 1]?.kind === 'end';
    throw this.#unexpected('<EOF>', isLast ? 'extraneous' : 'mismatched');
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    return this.#tokens[this.#next++]!;
  }

  #isSign(text: string): boolean {
    const token = this.#peek();
    return token.text === text && (token.kind === 'sign' || text === 'in');
  }

  #skip(text: string): Token | undefined {
    return this.#isSign(text) ? this.#take() : undefined;
  }

  #expect(text: string): Token {
    const token = this.#skip(text);
    if (token) return token;
    throw this.#unexpected(`'${text}'`);
  }

  #unexpected(expected: string, how: 'extraneous' | 'mismatched' = 'mismatched'): SyntaxProblem {
    const { text, at } = this.#peek();
    return new SyntaxProblem({
      at,
      message: `Syntax error: ${how} input '${text}' expecting ${expected}`,
    });
  }

  #expression(): Expression {
    if (++this.#depth > deepest) {
      const message = `expression recursion limit exceeded: ${deepest}`;
      throw new SyntaxProblem({ at: this.#peek().at, message });
    }
    const condition = this.#or();
    const question = this.#skip('?');
    let result = condition;
    if (question) {
      const yes = this.#or();
      this.#expect(':');
      const no = this.#expression();
      result = call('_?_:_', question.at, [condition, yes, no]);
    }
    this.#depth--;
    return result;
  }

  #or(): Expression {
    return this.#balanced('||', '_||_', () => this.#and());
  }

  #and(): Expression {
    return this.#balanced('&&', '_&&_', () => this.#relation());
  }

  /** Long chains become balanced trees, as cel-go's. */
  #balanced(sign: string, name: string, operand: () => Expression): Expression {
    const terms = [operand()];
    const places: number[] = [];
    for (let token = this.#skip(sign); token; token = this.#skip(sign)) {
      places.push(token.at);
      terms.push(operand());
    }
    const build = (low: number, high: number): Expression => {
      if (low === high) return terms[low]!;
      const middle = Math.floor((low + high - 1) / 2);
      const left = build(low, middle);
      return call(name, places[middle]!, [left, build(middle + 1, high)]);
    };
    return build(0, terms.length - 1);
  }

  #relation(): Expression {
    let left = this.#sum();
    for (;;) {
      const { text, kind, at } = this.#peek();
      const name = kind === 'sign' || text === 'in' ? relations[text] : undefined;
      if (!name) return left;
      this.#take();
      left = call(name, at, [left, this.#sum()]);
    }
  }

  #sum(): Expression {
    let left = this.#product();
    for (;;) {
      const token = this.#skip('+') ?? this.#skip('-');
      if (!token) return left;
      left = call(`_${token.text}_`, token.at, [left, this.#product()]);
    }
  }

  #product(): Expression {
    let left = this.#unary();
    for (;;) {
      const token = this.#skip('*') ?? this.#skip('/') ?? this.#skip('%');
      if (!token) return left;
      left = call(`_${token.text}_`, token.at, [left, this.#unary()]);
    }
  }

  #unary(): Expression {
    const sign = this.#skip('!') ?? this.#skip('-');
    if (!sign) return this.#member();
    const { kind } = this.#peek();
    // A minus belongs to the number that follows it.
    if (sign.text === '-' && (kind === 'int' || kind === 'double')) {
      return this.#members(this.#number(this.#take(), sign));
    }
    let count = 1;
    while (this.#skip(sign.text)) count++;
    const operand = this.#member();
    return count % 2 === 0 ? operand : call(sign.text === '!' ? '!_' : '-_', sign.at, [operand]);
  }

  #member(): Expression {
    return this.#members(this.#primary());
  }

  #members(first: Expression): Expression {
    let operand = first;
    for (;;) {
      const dot = this.#skip('.');
      const bracket = dot ? undefined : this.#skip('[');
      if (dot) operand = this.#selected(operand, dot);
      else if (bracket) {
        const name = this.#skip('?') ? '_[?_]' : '_[_]';
        const index = this.#expression();
        this.#expect(']');
        operand = call(name, bracket.at, [operand, index]);
      } else return operand;
    }
  }

  #selected(operand: Expression, dot: Token): Expression {
    const isOptional = this.#skip('?') !== undefined;
    const token = this.#take();
    const isName = token.kind === 'name' && !words.has(token.text);
    if (!isName && token.kind !== 'quotedName') {
      this.#next--;
      throw token.kind === 'end' || token.kind === 'name'
        ? this.#unexpected('IDENTIFIER')
        : new SyntaxProblem({
            at: token.at,
            message: `Syntax error: no viable alternative at input '.${token.text}'`,
          });
    }
    const field = isName ? token.text : token.text.slice(1, -1);
    if (isOptional) {
      const name: Expression = { kind: 'literal', value: field, at: token.at };
      return call('_?._', dot.at, [operand, name]);
    }
    const open = isName ? this.#skip('(') : undefined;
    if (!open) return { kind: 'select', operand, field, isTest: false, at: dot.at };
    const args = this.#arguments();
    return this.#expand({ name: field, target: operand, args, at: open.at });
  }

  #arguments(): Expression[] {
    const args: Expression[] = [];
    if (this.#skip(')')) return args;
    do args.push(this.#expression());
    while (this.#skip(','));
    this.#expect(')');
    return args;
  }

  #expand(given: {
    readonly name: string;
    readonly target: Expression | undefined;
    readonly args: readonly Expression[];
    readonly at: number;
  }): Expression {
    const expanded = expandMacro(given);
    if (!expanded) return { kind: 'call', ...given };
    if ('message' in expanded) {
      this.issues.push(expanded);
      return { kind: 'literal', value: null, at: given.at };
    }
    return expanded;
  }

  #primary(): Expression {
    const token = this.#take();
    const { kind, text } = token;
    if (kind === 'int' || kind === 'double') return this.#number(token, undefined);
    if (kind === 'text' || kind === 'bytes') return this.#quoted(token);
    if (kind === 'name') return this.#named(token);
    if (kind !== 'uint') return this.#bracketed(token);
    const amount = unsignedOf(text);
    const value = amount === undefined ? undefined : new CelUnsigned(amount);
    return literal(token, value, this.issues, 'uint');
  }

  #number(token: Token, minus: Token | undefined): Expression {
    const at = minus?.at ?? token.at;
    if (token.kind === 'double') {
      return { kind: 'literal', value: Number(token.text) * (minus ? -1 : 1), at };
    }
    return literal(
      { ...token, at },
      integerOf(token.text, minus !== undefined),
      this.issues,
      'int',
    );
  }

  #quoted(token: Token): Expression {
    try {
      const value = token.kind === 'text' ? unquote(token.text) : unquoteBytes(token.text);
      return { kind: 'literal', value, at: token.at };
    } catch (error) {
      this.issues.push({ at: token.at, message: (error as Error).message });
      return { kind: 'literal', value: '', at: token.at };
    }
  }

  #named(token: Token, dot?: Token): Expression {
    const { text, at } = token;
    if (!dot) {
      if (text === 'true' || text === 'false') {
        return { kind: 'literal', value: text === 'true', at };
      }
      if (text === 'null') return { kind: 'literal', value: null, at };
    }
    if (text === 'in') {
      this.#next--;
      throw this.#unexpected(operands);
    }
    const struct = this.#structName(token);
    if (struct) return this.#struct(dot ? `.${struct}` : struct);
    const name = dot ? `.${text}` : text;
    if (reserved.has(text)) this.issues.push({ at, message: `reserved identifier: ${text}` });
    const open = this.#skip('(');
    if (!open) return { kind: 'identifier', name, at };
    const args = this.#arguments();
    return this.#expand({ name, target: undefined, args, at: open.at });
  }

  /** `a.b.C` where a brace follows; the tokens are taken then. */
  #structName({ text }: Token): string | undefined {
    let name = text;
    let next = this.#next;
    for (;;) {
      const [sign, following] = [this.#tokens[next], this.#tokens[next + 1]];
      if (sign?.kind !== 'sign') return undefined;
      if (sign.text === '{') {
        this.#next = next;
        return name;
      }
      if (sign.text !== '.' || following?.kind !== 'name') return undefined;
      name += `.${following.text}`;
      next += 2;
    }
  }

  #struct(name: string): Expression {
    const open = this.#expect('{');
    const fields: StructField[] = [];
    while (!this.#isSign('}')) {
      const isOptional = this.#skip('?') !== undefined;
      const token = this.#peek();
      if (token.kind !== 'name' && token.kind !== 'quotedName') {
        throw this.#unexpected("{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}", 'extraneous');
      }
      this.#take();
      const field = token.kind === 'name' ? token.text : token.text.slice(1, -1);
      const colon = this.#expect(':');
      fields.push({ name: field, value: this.#expression(), isOptional, at: colon.at });
      if (!this.#skip(',')) break;
    }
    this.#expect('}');
    return { kind: 'struct', name, fields, at: open.at };
  }

  #bracketed(token: Token): Expression {
    if (token.kind === 'sign') {
      if (token.text === '(') {
        const inner = this.#expression();
        this.#expect(')');
        return inner;
      }
      if (token.text === '[') return this.#list(token);
      if (token.text === '{') return this.#map(token);
      if (token.text === '.' && this.#peek().kind === 'name')
        return this.#named(this.#take(), token);
    }
    this.#next--;
    throw this.#unexpected(operands);
  }

  #list({ at }: Token): ListLiteral {
    const elements: Expression[] = [];
    const optional = new Set<number>();
    while (!this.#isSign(']')) {
      if (this.#skip('?')) optional.add(elements.length);
      elements.push(this.#expression());
      if (!this.#skip(',')) break;
    }
    this.#expect(']');
    return { kind: 'list', elements, optional, at };
  }

  #map({ at }: Token): Expression {
    const entries: MapEntry[] = [];
    while (!this.#isSign('}')) {
      const isOptional = this.#skip('?') !== undefined;
      const key = this.#expression();
      const colon = this.#expect(':');
      entries.push({ key, value: this.#expression(), isOptional, at: colon.at });
      if (!this.#skip(',')) break;
    }
    this.#expect('}');
    return { kind: 'map', entries, at };
  }
}

function call(name: string, at: number, args: readonly Expression[]): Expression {
  return { kind: 'call', name, target: undefined, args, at };
}

function literal(
  { at }: Token,
  value: CelValue | undefined,
  issues: Issue[],
  what: string,
): Expression {
  if (value === undefined) issues.push({ at, message: `invalid ${what} literal` });
  return { kind: 'literal', value: value ?? null, at };
}
