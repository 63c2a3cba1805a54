/**
 * How Kubernetes checks names, labels, keys and ports: every function returns what is wrong, in
 * upstream's words, or an empty list. `isPrefix` is for `metadata.generateName`.
 */
export type NameCheck = (name: string, isPrefix?: boolean) => readonly string[];

const fine: readonly string[] = Object.freeze([]);

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const underscoreLabelFormat = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomainFormat = `${underscoreLabelFormat}(\\.${underscoreLabelFormat})*`;
const label1035Format = '[a-z]([-a-z0-9]*[a-z0-9])?';
const wildcardFormat = `\\*\\.${subdomainFormat}`;
const keyFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const valueFormat = `(${keyFormat})?`;
const identifierFormat = '[A-Za-z_][A-Za-z0-9_]*';
const percentFormat = '[0-9]+%';
const headerFormat = '[-A-Za-z0-9]+';
const configKeyFormat = '[-._a-zA-Z0-9]+';
const httpPathFormat = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const label = whole(labelFormat);
const subdomain = whole(subdomainFormat);
const underscoreSubdomain = whole(underscoreSubdomainFormat);
const label1035 = whole(label1035Format);
const wildcard = whole(wildcardFormat);
const key = whole(keyFormat);
const value = whole(valueFormat);
const identifier = whole(identifierFormat);
const percent = whole(percentFormat);
const header = whole(headerFormat);
const configKey = whole(configKeyFormat);
const httpPath = whole(httpPathFormat);

const labelMessage =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const underscoreSubdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const label1035Message =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const wildcardMessage =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const keyMessage =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const valueMessage =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

export function dns1123Label(text: string): readonly string[] {
  if (text.length <= 63 && label.test(text)) return fine;
  const problems = tooLongBy(text, 63);
  if (label.test(text)) return problems;
  problems.push(
    subdomain.test(text)
      ? 'must not contain dots'
      : formatProblem(labelMessage, labelFormat, 'my-name', '123-abc'),
  );
  return problems;
}

export function dns1123Subdomain(text: string): readonly string[] {
  if (text.length <= 253 && subdomain.test(text)) return fine;
  const problems = tooLongBy(text, 253);
  if (!subdomain.test(text)) {
    problems.push(formatProblem(subdomainMessage, subdomainFormat, 'example.com'));
  }
  return problems;
}

export function dns1123SubdomainWithUnderscore(text: string): readonly string[] {
  const problems = tooLongBy(text, 253);
  if (!underscoreSubdomain.test(text)) {
    problems.push(
      formatProblem(underscoreSubdomainMessage, underscoreSubdomainFormat, 'example.com'),
    );
  }
  return problems;
}

export function dns1035Label(text: string): readonly string[] {
  const problems = tooLongBy(text, 63);
  if (!label1035.test(text)) {
    problems.push(formatProblem(label1035Message, label1035Format, 'my-name', 'abc-123'));
  }
  return problems;
}

export function wildcardDns1123Subdomain(text: string): readonly string[] {
  const problems = tooLongBy(text, 253);
  if (!wildcard.test(text)) {
    problems.push(formatProblem(wildcardMessage, wildcardFormat, '*.example.com'));
  }
  return problems;
}

/** A label key, annotation key, condition type, … : an optional DNS prefix, a slash, a name. */
export function qualifiedName(text: string): readonly string[] {
  const slash = text.indexOf('/');
  if (slash < 0 && text.length <= 63 && key.test(text)) return fine;
  const parts = text.split('/');
  if (parts.length > 2) {
    const problem = formatProblem(keyMessage, keyFormat, 'MyName', 'my.name', '123-abc');
    return [
      `a valid label key ${problem} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const problems: string[] = [];
  const name = parts.at(-1)!;
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix === '') problems.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    for (const problem of subdomainProblemsInBytes(prefix)) problems.push(`prefix part ${problem}`);
  }
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push('name part must be no more than 63 bytes');
  if (!key.test(name)) {
    problems.push(
      `name part ${formatProblem(keyMessage, keyFormat, 'MyName', 'my.name', '123-abc')}`,
    );
  }
  return problems;
}

export function labelValue(text: string): readonly string[] {
  if (text.length <= 63 && value.test(text)) return fine;
  const problems = tooLongBy(text, 63, 'bytes');
  if (!value.test(text)) {
    problems.push(formatProblem(valueMessage, valueFormat, 'MyValue', 'my_value', '12345'));
  }
  return problems;
}

export function cIdentifier(text: string): readonly string[] {
  if (identifier.test(text)) return fine;
  return [
    formatProblem(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      identifierFormat,
      'my_name',
      'MY_NAME',
      'MyName',
    ),
  ];
}

export function portName(text: string): readonly string[] {
  const problems = tooLongBy(text, 15);
  if (!/^[-a-z0-9]+$/.test(text)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(text)) problems.push('must contain at least one letter (a-z)');
  if (text.includes('--')) problems.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) {
    problems.push('must not begin or end with a hyphen');
  }
  return problems;
}

export function portNumber(port: number): readonly string[] {
  return inRange(port, 1, 65_535);
}

export function inRange(number: number, low: number, high: number): readonly string[] {
  return number >= low && number <= high ? fine : [rangeProblem(low, high)];
}

export function rangeProblem(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

/** User and group identifiers. */
export function userId(id: number): readonly string[] {
  return inRange(id, 0, 2_147_483_647);
}

export function percentage(text: string): readonly string[] {
  if (percent.test(text)) return fine;
  const message = "a valid percent string must be a numeric string followed by an ending '%'";
  return [formatProblem(message, percentFormat, '1%', '93%')];
}

export function httpHeaderName(text: string): readonly string[] {
  if (header.test(text)) return fine;
  const message = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [formatProblem(message, headerFormat, 'X-Header-Name')];
}

export function httpPathProblem(text: string): string | undefined {
  return httpPath.test(text) ? undefined : formatProblem('Invalid path', httpPathFormat);
}

export function environmentName(text: string): readonly string[] {
  const problems: string[] = [];
  if (text === '') problems.push('environment variable name must be non-empty');
  if (!/^[\x20-\x3c\x3e-\x7e]*$/.test(text)) {
    problems.push(
      "a valid environment variable name must consist only of printable ASCII characters other than '='",
    );
  }
  return problems;
}

/** A key in the data of a ConfigMap or Secret. */
export function configMapKey(text: string): readonly string[] {
  const problems = tooLongBy(text, 253);
  if (!configKey.test(text)) {
    const message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    problems.push(formatProblem(message, configKeyFormat, 'key.name', 'KEY_NAME', 'key-name'));
  }
  if (text === '.') problems.push("must not be '.'");
  else if (text === '..') problems.push("must not be '..'");
  else if (text.startsWith('..')) problems.push("must not start with '..'");
  return problems;
}

/** Anything that can be one segment of a URL. */
export function pathSegment(text: string, isPrefix = false): readonly string[] {
  if (!isPrefix && (text === '.' || text === '..')) return [`may not be '${text}'`];
  return ['/', '%'].filter((bad) => text.includes(bad)).map((bad) => `may not contain '${bad}'`);
}

export function decimalInteger(text: string): readonly string[] {
  if (text === '') return ['must be non-empty'];
  return /^(0|-?[1-9]\d*)$/.test(text)
    ? fine
    : ['must be a valid decimal integer in canonical form'];
}

export function nameIsDnsSubdomain(name: string, isPrefix = false): readonly string[] {
  return dns1123Subdomain(isPrefix ? withoutTrailingDash(name) : name);
}

export function nameIsDnsLabel(name: string, isPrefix = false): readonly string[] {
  return dns1123Label(isPrefix ? withoutTrailingDash(name) : name);
}

/** The sentence about a text that does not have the format it should have. */
export function formatProblem(message: string, format: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  const start = shown ? `(e.g. ${shown}` : '(';
  return `${message} ${start}regex used for validation is '${format}')`;
}

function withoutTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

function subdomainProblemsInBytes(text: string): string[] {
  const problems = tooLongBy(text, 253, 'bytes');
  if (!subdomain.test(text)) {
    problems.push(formatProblem(subdomainMessage, subdomainFormat, 'example.com'));
  }
  return problems;
}

function tooLongBy(text: string, max: number, unit = 'characters'): string[] {
  // Lengths are in bytes, as Go's; a text this short cannot exceed the limit in any encoding.
  if (text.length * 3 <= max || byteLength(text) <= max) return [];
  return [`must be no more than ${max} ${unit}`];
}

/** Length in UTF-8. */
export function byteLength(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    if (code < 0x800) length += 1;
    else if (code >= 0xd800 && code < 0xdc00) {
      length += 2;
      index++;
    } else length += 2;
  }
  return length;
}

function whole(format: string): RegExp {
  return new RegExp(`^${format}$`);
}
