/**
 * Takes upstream's sentences about types, members and parameters out of the models that come with
 * `@kubernetes/client-node`, for the OpenAPI documents. The result is build output: nothing of it is
 * committed, and it follows that dependency's release.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Texts = Record<string, string>;

export interface Descriptions {
  /** By short type name; the type's own sentence is under the empty name. */
  readonly types: Record<string, Texts>;
  /** By parameter, or `subresource.parameter` where one differs. */
  readonly parameters: Texts;
}

const generated = 'node_modules/@kubernetes/client-node/dist/gen';

export function writeDescriptions(root: string, typeNames: readonly string[]): void {
  const descriptions: Descriptions = { types: {}, parameters: parametersIn(root) };
  const models = new Map<string, string>();
  for (const typeName of typeNames) {
    const text = modelText(root, typeName, models);
    if (text !== undefined) descriptions.types[typeName] = membersIn(text);
  }
  const path = join(root, 'resources/generated/descriptions.json');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(descriptions));
}

/** Upstream's generator puts the group before a name that several groups have. */
function modelText(
  root: string,
  typeName: string,
  models: Map<string, string>,
): string | undefined {
  const [group = '', version = '', name = ''] = typeName.split('.');
  const plain = `${capital(version)}${name}`;
  for (const className of [`${capital(group)}${plain}`, plain]) {
    const known = models.get(className);
    if (known !== undefined) return known;
    try {
      const text = readFileSync(join(root, generated, 'models', `${className}.d.ts`), 'utf8');
      models.set(className, text);
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const commented =
  /\/\*\*\n((?:\s*\*(?!\/).*\n)+?)\s*\*\/\n\s*(?:export declare class (\w+)|'([^']+)'\??:)/g;

function membersIn(text: string): Texts {
  const wireNames = new Map<string, string>();
  const texts: Texts = {};
  for (const [, comment = '', className, member] of text.matchAll(commented)) {
    const sentence = cleaned(comment);
    if (className !== undefined) texts[''] = sentence;
    else if (member !== undefined) texts[wireNames.get(member) ?? wireName(member)] = sentence;
  }
  return texts;
}

/** The generator renames what is no identifier: `_continue`, `x_kubernetes_…`, `$ref`. */
function wireName(member: string): string {
  if (member.startsWith('x_kubernetes_')) return member.replaceAll('_', '-');
  if (member === '$ref' || member === '$schema') return member;
  return member.replace(/^_/, '');
}

function cleaned(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
    .replaceAll(String.raw`\'`, "'")
    .replaceAll(String.raw`\"`, '"')
    .replaceAll(/\\?&#39;/g, "'")
    .replaceAll(/\\?&quot;/g, '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#x60;', '`')
    .replaceAll('&#x3D;', '=')
    .replaceAll('&amp;', '&')
    .replaceAll(String.raw`\\`, '\\');
}

const parameter =
  /\/\*\*\n((?:\s*\* (?!@|Defaults to).*\n)*)\s*\* Defaults to: .*\n\s*\* @type .*\n\s*\* @memberof CoreV1Api(\w+)\n\s*\*\/\n\s*(\w+)\??:/g;

function parametersIn(root: string): Texts {
  const text = readFileSync(join(root, generated, 'types/ObjectParamAPI.d.ts'), 'utf8');
  const start = text.indexOf('interface CoreV1Api');
  const end = text.indexOf('declare class ObjectCoreV1Api', start);
  const texts: Texts = {};
  for (const [, comment = '', operation = '', name = ''] of text
    .slice(start, end)
    .matchAll(parameter)) {
    const wire = wireName(name);
    const sentence = cleaned(comment);
    const variant = [
      /(Attach|Exec|Log|Portforward)$/.exec(operation)?.[1],
      /(Pod|Node|Service)Proxy(?:WithPath)?$/.exec(operation)?.[1],
      /^(patch)/i.exec(operation)?.[1],
    ].find((each) => each !== undefined);
    texts[variant === undefined ? wire : `${variant.toLowerCase()}.${wire}`] ??= sentence;
  }
  return texts;
}
