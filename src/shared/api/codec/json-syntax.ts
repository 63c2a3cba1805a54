/** Where and why Go's scanner would stop; `text` is known to be invalid. */
export function syntaxErrorOf(text: string): string {
  const scanner = new SyntaxScanner(text);
  try {
    scanner.value();
    scanner.end();
  } catch (error) {
    if (error instanceof RangeError) return 'exceeded max depth';
    throw error;
  }
  return scanner.error ?? 'unexpected end of JSON input';
}

/** Goes through the text as Go's scanner does and remembers the first thing that it would refuse. */
class SyntaxScanner {
  error: string | undefined;
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(): void {
    const char = this.#peek();
    if (char === undefined) return this.#refuse('');
    if (char === '{') return this.#object();
    if (char === '[') return this.#list();
    if (char === '"') return this.#string();
    if (char === '-' || (char >= '0' && char <= '9')) return this.#number();
    const literal = ['true', 'false', 'null'].find((word) => word[0] === char);
    if (!literal) return this.#refuse('looking for beginning of value');
    for (let index = 1; index < literal.length && !this.error; index++) {
      this.#at++;
      if (this.#text[this.#at] !== literal[index])
        this.#refuse(`in literal ${literal} (expecting '${literal[index]}')`);
    }
    this.#at++;
  }

  end(): void {
    if (this.error) return;
    if (this.#peek() !== undefined) this.#refuse('after top-level value');
  }

  #object(): void {
    this.#at++;
    if (this.#peek() === '}') return this.#step();
    while (!this.error) {
      if (this.#peek() !== '"') return this.#refuse('looking for beginning of object key string');
      this.#string();
      if (this.error) return;
      if (this.#peek() !== ':') return this.#refuse('after object key');
      this.#at++;
      this.value();
      if (this.error) return;
      const char = this.#peek();
      if (char === '}') return this.#step();
      if (char !== ',') return this.#refuse('after object key:value pair');
      this.#at++;
    }
  }

  #list(): void {
    this.#at++;
    if (this.#peek() === ']') return this.#step();
    while (!this.error) {
      this.value();
      if (this.error) return;
      const char = this.#peek();
      if (char === ']') return this.#step();
      if (char !== ',') return this.#refuse('after array element');
      this.#at++;
    }
  }

  #string(): void {
    for (this.#at++; ; this.#at++) {
      const char = this.#text[this.#at];
      if (char === undefined || char < ' ') return this.#refuse('in string literal');
      if (char === '"') return this.#step();
      if (char !== '\\') continue;
      this.#at++;
      const escaped = this.#text[this.#at];
      if (escaped === undefined || !'"\\/bfnrtu'.includes(escaped))
        return this.#refuse('in string escape code');
      if (escaped !== 'u') continue;
      for (let digit = 0; digit < 4; digit++) {
        this.#at++;
        if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? ''))
          return this.#refuse('in \\u hexadecimal character escape');
      }
    }
  }

  #number(): void {
    const isDigit = (): boolean => /\d/.test(this.#text[this.#at] ?? '');
    if (this.#text[this.#at] === '-') this.#at++;
    if (!isDigit()) return this.#refuse('in numeric literal');
    if (this.#text[this.#at] === '0') this.#at++;
    else while (isDigit()) this.#at++;
    if (this.#text[this.#at] === '.') {
      this.#at++;
      if (!isDigit()) return this.#refuse('after decimal point in numeric literal');
      while (isDigit()) this.#at++;
    }
    if (/[eE]/.test(this.#text[this.#at] ?? '')) {
      this.#at++;
      if (/[+-]/.test(this.#text[this.#at] ?? '')) this.#at++;
      if (!isDigit()) return this.#refuse('in exponent of numeric literal');
      while (isDigit()) this.#at++;
    }
  }

  #step(): void {
    this.#at++;
  }

  #peek(): string | undefined {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text[this.#at];
  }

  #refuse(where: string): void {
    const code = this.#text.codePointAt(this.#at);
    this.error ??=
      code === undefined
        ? 'unexpected end of JSON input'
        : `invalid character ${quotedByte(code)} ${where}`;
  }
}

/** Go's scanner works on bytes and shows the first byte of a character as if it were Latin-1. */
function quotedByte(codePoint: number): string {
  if (codePoint === 0x27) return String.raw`'\''`;
  if (codePoint === 0x22) return `'"'`;
  const byte = new TextEncoder().encode(String.fromCodePoint(codePoint))[0] ?? 0;
  const named: Readonly<Record<number, string>> = {
    10: 'n',
    13: 'r',
    9: 't',
    8: 'b',
    12: 'f',
    92: '\\',
  };
  if (named[byte]) return `'\\${named[byte]}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  return byte >= 0x80 && byte < 0xa1
    ? `'\\u${byte.toString(16).padStart(4, '0')}'`
    : `'${String.fromCodePoint(byte)}'`;
}
