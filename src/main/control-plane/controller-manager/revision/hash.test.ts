import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import {
  podTemplateHash,
  revisionDataHash,
  revisionDataText,
} from '#main/control-plane/controller-manager/revision/hash.ts';

interface Vector {
  readonly name: string;
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly want: { readonly data?: string; readonly name?: string };
}

const { vectors } = JSON.parse(readFileSync('test/data/controllers/hashes.json', 'utf8')) as {
  readonly vectors: readonly Vector[];
};
const revisions = vectors.filter(({ want }) => want.data);

test.each(revisions)(
  'the revision of $kind $name has upstream’s bytes and name',
  ({ kind, want }) => {
    const { $patch, ...template } = (
      JSON.parse(want.data!) as { spec: { template: PodTemplateSpec & { $patch: string } } }
    ).spec.template;
    const data = revisionDataText(template);
    expect($patch).toBe('replace');
    expect(data).toBe(want.data);
    const hash = kind === 'DaemonSet' ? podTemplateHash(template) : revisionDataHash(data, 0);
    expect(`<name>-${hash}`).toBe(want.name);
  },
);
