import type { Issue } from '#shared/cel/source.ts';

export interface Token {
  readonly kind:
    | 'name'
    | 'quotedName'
    | 'int'
    | 'uint'
    | 'double'
    | 'text'
    | 'bytes'
    | 'sign'
    | 'end';
  readonly text: string;
  readonly at: number;
}

const patterns: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /[\t \r\n\f]+|\/\/[^\n]*/y],
  [
    'bytes',
    /(?:[bB][rR]?|[rR][bB])(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*')/y,
  ],
  [
    'text',
    /[rR](?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')|"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'/y,
  ],
  ['double', /\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?/y],
  ['uint', /(?:0x[\da-fA-F]+|\d+)[uU]/y],
  ['int', /0x[\da-fA-F]+|\d+/y],
  ['name', /[A-Za-z_]\w*/y],
  ['quotedName', /`[\w.\-/ ]+`/y],
  ['sign', /&&|\|\||[=!<>]=|[-+*/%<>!?:.,()[\]{}]/y],
];

/** Splits an expression; characters that begin no token are passed over and told. */
export function tokensOf(source: string): {
  readonly tokens: readonly Token[];
  readonly issues: readonly Issue[];
} {
  const tokens: Token[] = [];
  const issues: Issue[] = [];
  let at = 0;
  while (at < source.length) {
    const [kind, text] = match(source, at);
    if (text === '') {
      // The beginning of a longer sign is told with what broke it off.
      const wrong = source.slice(at, at + ('=&|'.includes(source[at]!) ? 2 : 1));
      issues.push({ at, message: `Syntax error: token recognition error at: '${wrong}'` });
      at++;
      continue;
    }
    if (kind !== 'space') tokens.push({ kind, text, at });
    at += text.length;
  }
  tokens.push({ kind: 'end', text: '<EOF>', at: source.length });
  return { tokens, issues };
}

function match(source: string, at: number): readonly [Token['kind'] | 'space', string] {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text) return [kind, text];
  }
  return ['sign', ''];
}
