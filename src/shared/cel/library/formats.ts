import {
  add,
  fixed,
  perCharacter,
  perPatternCharacter,
  scaled,
  times,
} from '#shared/cel/cost-range.ts';
import type { LibraryEntry } from '#shared/cel/functions.ts';
import { Opaque } from '#shared/cel/library/opaque.ts';
import { lengthOf } from '#shared/cel/library/sizes.ts';
import { parseTimestamp } from '#shared/cel/times.ts';
import { CelOptional, none } from '#shared/cel/values.ts';
import {
  dns1035Label,
  labelValue,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  qualifiedName,
} from '#shared/kube/names.ts';

const type = 'kubernetes.NamedFormat';

interface Format {
  readonly name: string;
  /** What is wrong with a text; nothing if it fits. */
  check(text: string): readonly string[];
  /** As long as a pattern that would tell. */
  readonly patternSize: number;
}

const date = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const base64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=|[A-Za-z\d+/]{4})$/;
const uuid = /^[\da-f]{8}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{12}$/i;
const prefixed = (text: string): string => (text.endsWith('-') ? `${text.slice(0, -1)}a` : text);

const fitting = (fits: boolean, problem: string): readonly string[] => (fits ? [] : [problem]);

const formats: Readonly<Record<string, Format>> = {
  dns1123Label: { name: 'DNS1123Label', check: (text) => nameIsDnsLabel(text), patternSize: 30 },
  dns1123Subdomain: {
    name: 'DNS1123Subdomain',
    check: (text) => nameIsDnsSubdomain(text),
    patternSize: 60,
  },
  dns1035Label: { name: 'DNS1035Label', check: dns1035Label, patternSize: 30 },
  qualifiedName: { name: 'QualifiedName', check: qualifiedName, patternSize: 60 },
  dns1123LabelPrefix: {
    name: 'DNS1123LabelPrefix',
    check: (text) => nameIsDnsLabel(text, true),
    patternSize: 30,
  },
  dns1123SubdomainPrefix: {
    name: 'DNS1123SubdomainPrefix',
    check: (text) => nameIsDnsSubdomain(text, true),
    patternSize: 60,
  },
  dns1035LabelPrefix: {
    name: 'DNS1035LabelPrefix',
    check: (text) => dns1035Label(prefixed(text)),
    patternSize: 30,
  },
  labelValue: { name: 'LabelValue', check: labelValue, patternSize: 40 },
  uri: { name: 'URI', check: uriProblems, patternSize: 2500 },
  uuid: {
    name: 'uuid',
    check: (text) => fitting(uuid.test(text), 'does not match the UUID format'),
    patternSize: 83,
  },
  byte: {
    name: 'byte',
    check: (text) => fitting(base64.test(text), 'invalid base64'),
    patternSize: 84,
  },
  date: {
    name: 'date',
    check: (text) => fitting(date.test(text), 'invalid date'),
    patternSize: 85,
  },
  datetime: {
    name: 'datetime',
    check: (text) =>
      fitting(
        parseTimestamp(text.replace(/t/, 'T').replace(/z$/, 'Z')) !== undefined,
        'invalid datetime',
      ),
    patternSize: 85,
  },
};

type CelFormat = Opaque<Format>;

const celFormat = (format: Format): CelFormat =>
  new Opaque(type, format, (left, right) => left.name === right.name);

export const namedFormats: readonly LibraryEntry[] = [
  ...Object.entries(formats).map(([name, format]): LibraryEntry => [
    `format.${name}(): ${type}`,
    () => celFormat(format),
  ]),
  [
    `format.named(string): optional_type(${type})`,
    (name: string) =>
      Object.hasOwn(formats, name) ? new CelOptional(celFormat(formats[name]!)) : none,
  ],
  [
    `${type}::validate(string): optional_type(list(string))`,
    ({ content }: CelFormat, text: string) => {
      const problems = content.check(text);
      return problems.length > 0 ? new CelOptional([...problems]) : none;
    },
    {
      cost: ([format, text]) =>
        Math.ceil((1 + lengthOf(text as string)) * perCharacter) *
        Math.ceil((format as CelFormat).content.patternSize * perPatternCharacter),
      estimate: ([, text]) => ({
        cost: times(
          scaled(add(text!.size, fixed(1)), perCharacter),
          scaled(fixed(128), perPatternCharacter),
        ),
      }),
    },
  ],
];

function uriProblems(text: string): readonly string[] {
  if (text === '') return ['parse "": empty url'];
  const isAbsolute = text.startsWith('/') || /^[a-zA-Z][a-zA-Z\d+.-]*:/.test(text);
  return fitting(isAbsolute, `parse ${JSON.stringify(text)}: invalid URI for request`);
}
