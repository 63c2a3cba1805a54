import type { KubeletAnswer } from '#agent/kubelet/server/exchange.ts';

export interface Sample {
  /** Of a histogram: which of its three series. */
  readonly part?: 'bucket' | 'sum' | 'count';
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** When it was measured; ISO. Absent: now. */
  readonly time?: string;
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

/** Prometheus' text format. */
export function exposition(metrics: readonly Metric[]): KubeletAnswer {
  const lines = metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, help, type, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...(type === 'histogram'
        ? samples.map((sample) => line(name, sample))
        : samples.map((sample) => line(name, sample)).toSorted()),
    ]);
  return {
    code: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    body: `${lines.join('\n')}\n`,
  };
}

function line(name: string, { part, labels = {}, value, time }: Sample): string {
  const pairs = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, text]) => `${key}="${escaped(text)}"`);
  const shown = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
  const series = part === undefined ? name : `${name}_${part}`;
  return `${series}${shown} ${goNumber(value)}${time === undefined ? '' : ` ${Date.parse(time)}`}`;
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}

/** As Go prints floats: with an exponent of two digits from 21 places on, or for large ones. */
function goNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude === 0 || (magnitude >= 1e-4 && magnitude < 1e6)) return String(value);
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  const [digits, exponent = '+0'] = value.toExponential().split('e');
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}
