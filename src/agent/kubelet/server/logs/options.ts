/** What is asked of a log. */
export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Lines before that are left out; milliseconds since 1970. */
  readonly sinceNanoseconds: bigint | undefined;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: 'stdout' | 'stderr' | undefined;
}

export type BadOptions = 'undecodable' | 'invalid';

const streams: Readonly<Record<string, LogOptions['stream']>> = {
  All: undefined,
  Stdout: 'stdout',
  Stderr: 'stderr',
};

/** Reads the query as upstream's kubelet does. */
export function parseLogOptions(
  query: URLSearchParams,
  { now }: { readonly now: number },
): LogOptions | BadOptions {
  const sinceSeconds = integer(query.get('sinceSeconds'));
  const tailLines = integer(query.get('tailLines'));
  const limitBytes = integer(query.get('limitBytes'));
  const sinceTime = query.get('sinceTime');
  const since = sinceTime ? Date.parse(sinceTime) : undefined;
  const numbers = [sinceSeconds, tailLines, limitBytes, since];
  if (numbers.some(Number.isNaN)) return 'undecodable';
  const stream = query.get('stream') ?? 'All';
  const isValid =
    !(tailLines !== undefined && tailLines < 0) &&
    !(limitBytes !== undefined && limitBytes < 1) &&
    !(sinceSeconds !== undefined && (sinceSeconds < 1 || since !== undefined)) &&
    stream in streams &&
    !(stream !== 'All' && tailLines !== undefined);
  if (!isValid) return 'invalid';
  const from = sinceSeconds === undefined ? since : now - sinceSeconds * 1000;
  return {
    follow: isTrue(query.get('follow')),
    previous: isTrue(query.get('previous')),
    timestamps: isTrue(query.get('timestamps')),
    sinceNanoseconds: from === undefined ? undefined : BigInt(Math.trunc(from)) * 1_000_000n,
    tailLines,
    limitBytes,
    stream: streams[stream],
  };
}

/** Absent stays absent; `NaN` for what is no whole number. */
function integer(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  return /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
}

function isTrue(text: string | null): boolean {
  return text !== null && text !== '0' && text.toLowerCase() !== 'false';
}
