import type { ObjectThenAndNow } from '#shared/contract/snapshots.ts';
import { withoutLastApplied } from '#shared/kube/last-applied.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';
import type { ObjectPair } from './compare.ts';

interface SecretShape {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata?: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}

/** A secret's values are replaced by words that still say which of them differ. */
export function withoutValues(
  { past, now }: ObjectPair,
  { reveal }: { readonly reveal: boolean },
): ObjectThenAndNow {
  const [before, after] = [past as SecretShape | undefined, now as SecretShape | undefined];
  const isSecret = [before, after].some(
    (each) => each?.kind === 'Secret' && each.apiVersion === 'v1',
  );
  if (!isSecret || reveal) return { ...present({ past, now }), isHidden: false };
  return {
    ...present({ past: hidden(before, after, 'then'), now: hidden(after, before, 'now') }),
    isHidden: true,
  };
}

function hidden(
  secret: SecretShape | undefined,
  other: SecretShape | undefined,
  when: string,
): unknown {
  if (!secret) return secret;
  const bare = secret.metadata
    ? withoutLastApplied({ ...secret, metadata: secret.metadata })
    : secret;
  if (!secret.data) return bare;
  const data = Object.entries(secret.data).map(([name, value]) => {
    const differs = other?.data?.[name] !== undefined && other.data[name] !== value;
    return [name, differs ? `(hidden, another value ${when})` : '(hidden)'];
  });
  return { ...bare, data: Object.fromEntries(data) as Record<string, string> };
}

function present({ past, now }: { past: unknown; now: unknown }): Pick<ObjectPair, 'past' | 'now'> {
  return { ...(past !== undefined && { past }), ...(now !== undefined && { now }) };
}
