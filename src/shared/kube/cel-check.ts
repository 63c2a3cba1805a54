/**
 * A look at a CEL expression without evaluating or typing it: whether its tokens can follow each
 * other, and whether all that it names is there. That finds what people usually get wrong.
 */

const token =
  /\s+|\/\/[^\n]*|(?<text>(?:[rR]?[bB]?|[bB][rR])(?:"""[\s\S]*?"""|\x27\x27\x27[\s\S]*?\x27\x27\x27|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27))|(?<number>0x[\da-fA-F]+u?|(?:\d+\.)?\d+(?:[eE][+-]?\d+)?u?)|(?<name>[A-Za-z_]\w*|`[\w./-]+`)|(?<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()[\]{}])/gy;
const constants = ['true', 'false', 'null'];
const types = [
  'bool',
  'bytes',
  'double',
  'dyn',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'timestamp',
  'duration',
  'type',
  'uint',
];
const binders =
  /^(?:all|exists|exists_one|existsOne|map|filter|bind|transformList|transformMap|transformMapEntry)$/;
const operators = new Set(['&&', '||', '==', '!=', '<', '<=', '>', '>=', '+', '*', '/', '%']);

interface Token {
  readonly kind: 'name' | 'number' | 'sign' | 'text';
  readonly text: string;
  readonly at: number;
}

/** Why the expression cannot be compiled where only `declared` is known; nothing if it seems fine. */
export function celProblem(expression: string, declared: readonly string[]): string | undefined {
  const tokens = tokensOf(expression);
  if (typeof tokens === 'number')
    return problemAt(expression, tokens, 'Syntax error: token recognition error');
  const misplaced = firstMisplaced(tokens);
  if (misplaced !== undefined) {
    const { at = expression.length, text = '<EOF>' } = tokens[misplaced] ?? {};
    return problemAt(expression, at, `Syntax error: mismatched input '${text}'`);
  }
  const known = new Set([...constants, ...types, ...declared, ...boundNames(tokens)]);
  const unknown = tokens.find((item, index) => isReference(tokens, index) && !known.has(item.text));
  return (
    unknown &&
    problemAt(expression, unknown.at, `undeclared reference to '${unknown.text}' (in container '')`)
  );
}

function problemAt(expression: string, at: number, problem: string): string {
  const before = expression.slice(0, at).split('\n');
  const column = before.at(-1)!.length;
  const line = expression.split('\n')[before.length - 1]!;
  return `compilation failed: ERROR: <input>:${before.length}:${column + 1}: ${problem}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

/** The place where no token begins, if there is one. */
function tokensOf(expression: string): readonly Token[] | number {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  for (let at = 0; at < expression.length; at = token.lastIndex) {
    const { groups } = token.exec(expression) ?? {};
    if (token.lastIndex === 0) return at;
    const [kind, text] = Object.entries(groups ?? {}).find(([, value]) => value) ?? [];
    if (text) tokens.push({ kind: kind as Token['kind'], text, at });
  }
  return tokens;
}

/** The index of the first token that cannot stand there; the end counts as one. */
function firstMisplaced(tokens: readonly Token[]): number | undefined {
  const open: string[] = [];
  let wantsOperand = true;
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== 'sign' || text === '.') {
      if (text === '.') {
        // A leading dot names something from the root.
        wantsOperand = true;
        continue;
      }
      if (text === 'in' && !wantsOperand) {
        wantsOperand = true;
        continue;
      }
      if (!wantsOperand) return index;
      wantsOperand = false;
    } else if ('([{'.includes(text)) {
      open.push(text);
      wantsOperand = true;
    } else if (')]}'.includes(text)) {
      const isEmpty = tokens[index - 1]?.text === open.at(-1);
      const isTrailing = tokens[index - 1]?.text === ',' && text !== ')';
      if (open.pop() !== { ')': '(', ']': '[', '}': '{' }[text]) return index;
      if (wantsOperand && !isEmpty && !isTrailing) return index;
      wantsOperand = false;
    } else if (text === '-' || text === '!') {
      if (!wantsOperand && text === '!') return index;
      wantsOperand = true;
    } else if (text === '?' && wantsOperand) continue;
    else {
      if (wantsOperand) return index;
      if (!operators.has(text) && !'?:,'.includes(text)) return index;
      wantsOperand = true;
    }
  }
  return wantsOperand || open.length > 0 ? tokens.length : undefined;
}

/** Names that comprehensions introduce: `items.all(item, …)`. */
function boundNames(tokens: readonly Token[]): string[] {
  return tokens.flatMap(({ kind, text }, index) => {
    if (kind !== 'name' || !binders.test(text) || tokens[index + 1]?.text !== '(') return [];
    const [first, comma, second, nextComma] = tokens.slice(index + 2, index + 6);
    if (first?.kind !== 'name' || comma?.text !== ',') return [];
    return second?.kind === 'name' && nextComma?.text === ','
      ? [first.text, second.text]
      : [first.text];
  });
}

function isReference(tokens: readonly Token[], index: number): boolean {
  const { kind, text } = tokens[index]!;
  if (kind !== 'name' || text === 'in') return false;
  const before = tokens[index - 1]?.text;
  const after = tokens[index + 1]?.text;
  if (before === '.' || before === '?')
    return before === '?' && after !== ':' && isTernary(tokens, index);
  if (after === '(' || after === '{') return false;
  // Namespaces of functions, as `cel.bind(…)` and `math.greatest(…)`.
  if (after === '.' && tokens[index + 3]?.text === '(' && isLibrary(text)) return false;
  if (text === 'Object' || text === 'JSONPatch') return false;
  return !(after === ':' && (before === '{' || before === ','));
}

/** A question mark after an operand begins a condition; after `.` or `[` it is optional selection. */
function isTernary(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 2]?.text;
  return before !== '.' && before !== '[' && before !== '{' && before !== ',';
}

function isLibrary(name: string): boolean {
  return ['cel', 'format', 'jsonpatch', 'math', 'optional', 'sets', 'strings'].includes(name);
}
