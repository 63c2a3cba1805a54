import { bases, type Answer, type Cause, type Json, type Probe } from './facts.ts';
import { applyJsonPatch } from '#shared/kube/patch/json-patch.ts';

/** One request to an API server, real or in process; always a dry run. */
export interface ProbeRequest {
  readonly method: 'PATCH' | 'POST';
  /** Such as `apps/v1/deployments`. */
  readonly resource: string;
  /** With PATCH: whose stored base is changed, such as `v1/pods#rich`. */
  readonly base: string;
  readonly name: string;
  readonly body: unknown;
}

export type Send = (request: ProbeRequest) => Answer | Promise<Answer>;

export interface Played {
  readonly probe: Probe;
  readonly actual: Answer;
  /** The same causes, if in another order: maps have none. */
  readonly verdict: 'same' | 'reordered' | 'different';
}

/** Sends one probe and compares the answer with the observed one. */
export async function play(probe: Probe, send: Send): Promise<Played> {
  const base = bases[probe.base]!;
  const name = ((base['metadata'] as Json)['name'] as string | undefined) ?? '';
  const { base: key, resource } = probe;
  const actual =
    probe.verb === 'create'
      ? await send({
          method: 'POST',
          resource,
          base: key,
          name,
          body: applyJsonPatch(structuredClone(base), probe.patch),
        })
      : await send({ method: 'PATCH', resource, base: key, name, body: probe.patch });
  return { probe, actual, verdict: compare(probe.expected, actual) };
}

function compare(expected: Answer, actual: Answer): Played['verdict'] {
  if (expected.status < 300) return actual.status < 300 ? 'same' : 'different';
  if (expected.status !== actual.status || (expected.reason ?? '') !== (actual.reason ?? '')) {
    return 'different';
  }
  const wanted = (expected.causes ?? []).map(shown);
  const got = (actual.causes ?? []).map(shown);
  if (wanted.join('\n') === got.join('\n')) return 'same';
  return wanted.sort().join('\n') === got.sort().join('\n') ? 'reordered' : 'different';
}

function shown([reason, field]: Cause): string {
  return `${reason} ${field ?? ''}`;
}
