import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';

type ContainerState = NonNullable<ContainerStatus['state']>;

/** A container in words. */
export interface ContainerLine {
  readonly name: string;
  readonly image: string;
  readonly tone: 'good' | 'attention' | 'bad' | 'quiet';
  /** `running for 5m`, `waits: the image cannot be pulled`. */
  readonly state: string;
  /** How it ended before, where it was started again. */
  readonly before: string;
}

/** The containers of a pod as a person would tell of them; `ageOf` puts a time into words. */
export function containersOf(
  { spec, status }: Pod,
  ageOf: (time: string) => string,
): readonly ContainerLine[] {
  const statuses = new Map(
    [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map((each) => [
      each.name,
      each,
    ]),
  );
  return [...(spec.initContainers ?? []), ...spec.containers].map(({ name, image = '' }) => {
    const known = statuses.get(name);
    return { name, image, ...stateOf(known, ageOf), before: beforeOf(known, ageOf) };
  });
}

function stateOf(
  status: ContainerStatus | undefined,
  ageOf: (time: string) => string,
): Pick<ContainerLine, 'state' | 'tone'> {
  const { running, waiting, terminated } = status?.state ?? {};
  if (running) {
    const since = running.startedAt ? ` for ${ageOf(running.startedAt)}` : '';
    return status?.ready
      ? { state: `runs${since}, ready`, tone: 'good' }
      : { state: `runs${since}, not ready`, tone: 'attention' };
  }
  if (waiting) {
    const why = [waiting.reason, waiting.message].filter(Boolean).join(': ');
    const isHurt = /BackOff|Err|Invalid/.test(waiting.reason ?? '');
    return { state: `waits${why ? `: ${why}` : ''}`, tone: isHurt ? 'bad' : 'attention' };
  }
  if (terminated) return { state: endOf(terminated, ageOf), tone: toneOf(terminated) };
  return { state: 'not begun', tone: 'quiet' };
}

function beforeOf(status: ContainerStatus | undefined, ageOf: (time: string) => string): string {
  const restarts = status?.restartCount ?? 0;
  if (restarts === 0) return '';
  const times = restarts === 1 ? 'once' : `${restarts} times`;
  const last = status?.lastState?.terminated;
  return `started again ${times}${last ? `; before that it ${endOf(last, ageOf)}` : ''}`;
}

function endOf(
  { exitCode, signal, reason, finishedAt }: NonNullable<ContainerState['terminated']>,
  ageOf: (time: string) => string,
): string {
  const when = finishedAt ? ` ${ageOf(finishedAt)} ago` : '';
  if (reason === 'OOMKilled') return `ended${when}: it used more memory than its limit (OOMKilled)`;
  if (exitCode === 0) return `ended well${when}`;
  const how = signal ? `by signal ${signal}` : `with code ${exitCode}`;
  return `ended${when} ${how}${reason && reason !== 'Error' ? ` (${reason})` : ''}`;
}

function toneOf({ exitCode }: NonNullable<ContainerState['terminated']>): ContainerLine['tone'] {
  return exitCode === 0 ? 'quiet' : 'bad';
}
