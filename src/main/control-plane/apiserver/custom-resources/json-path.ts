/** The simple paths of CRDs: `.spec.a['b.c'].list[0].x[?(@.type=="Ready")].status`, `[*]`. */
export type JsonPath = (object: unknown) => readonly unknown[];

type Step = (value: unknown) => readonly unknown[];

const tokens =
  /\.([^.[\]]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(-?\d+)\]|\[(\*)\]|\.(\*)|\[\?\(@([^=!<>]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([^)]*))\)\]/y;

/** Throws for a path that it cannot read. */
export function compileJsonPath(text: string): JsonPath {
  const steps: Step[] = [];
  const source = text.startsWith('.') || text.startsWith('[') ? text : `.${text}`;
  tokens.lastIndex = 0;
  while (tokens.lastIndex < source.length) {
    const match = tokens.exec(source);
    if (!match) throw new Error(`${JSON.stringify(text)} is not a path that can be read`);
    steps.push(stepOf(match));
  }
  return (object) => {
    let values: readonly unknown[] = [object];
    for (const step of steps) values = values.flatMap(step);
    return values;
  };
}

function stepOf(match: RegExpExecArray): Step {
  const [, plain, single, double, index, star, dotStar, path, operator, ...given] = match;
  const key = plain ?? single ?? double;
  if (key !== undefined) return (value) => present(member(value, key));
  if (index !== undefined)
    return (value) =>
      present(Array.isArray(value) ? (value.at(Number(index)) as unknown) : undefined);
  if (star ?? dotStar) return allOf;
  const of = compileJsonPath(path!.trim());
  const wanted = given.find((each) => each !== undefined)?.trim() ?? '';
  return (value) =>
    allOf(value).filter((item) => {
      const isEqual = of(item).some((found) => String(found) === wanted);
      return operator === '==' ? isEqual : !isEqual;
    });
}

function present(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value];
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

function allOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}
