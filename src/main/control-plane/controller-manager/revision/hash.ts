import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import { goJson, normalized } from './go-json.ts';
import { printGo } from './go-print.ts';
import { goType } from './go-types.ts';

const encoder = new TextEncoder();
const prime = 0x01000193;
const offset = 0x811c9dc5;

/** 32-bit FNV: `1a` mixes the byte in before it multiplies, the older form after. */
export function fnv32(bytes: Uint8Array, variant: '1' | '1a', seed: number = offset): number {
  let hash = seed;
  if (variant === '1a')
    for (let index = 0; index < bytes.length; index++)
      hash = Math.imul(hash ^ bytes[index]!, prime);
  else
    for (let index = 0; index < bytes.length; index++)
      hash = Math.imul(hash, prime) ^ bytes[index]!;
  return hash >>> 0;
}

const safeLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** Upstream's rand.SafeEncodeString: no vowels, so no words. */
export function safeEncode(text: string): string {
  let encoded = '';
  for (let index = 0; index < text.length; index++)
    encoded += safeLetters[text.charCodeAt(index) % safeLetters.length];
  return encoded;
}

const podTemplateType = goType('v1.PodTemplateSpec');
const printed = new WeakMap<PodTemplateSpec, number>();

/** The `pod-template-hash` of Deployments and the revision name of DaemonSets: ComputeHash. */
export function podTemplateHash(template: PodTemplateSpec, collisionCount?: number): string {
  let hash = printed.get(template);
  if (hash === undefined) {
    hash = fnv32(encoder.encode(printGo(podTemplateType, template)), '1a');
    printed.set(template, hash);
  }
  if (collisionCount !== undefined) {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setUint32(0, collisionCount, true);
    hash = fnv32(count, '1a', hash);
  }
  return safeEncode(String(hash));
}

/** HashControllerRevision: names StatefulSets' revisions by their data. */
export function revisionDataHash(data: string, collisionCount?: number): string {
  let hash = fnv32(encoder.encode(data), '1');
  if (collisionCount !== undefined) hash = fnv32(encoder.encode(String(collisionCount)), '1', hash);
  return safeEncode(String(hash));
}

const canonicalTemplates = new WeakMap<PodTemplateSpec, PodTemplateSpec>();
const canonicalTexts = new WeakMap<PodTemplateSpec, string>();

/** The template with keys sorted and everything left out that Go would leave out. */
export function canonicalTemplate(template: PodTemplateSpec): PodTemplateSpec {
  let canonical = canonicalTemplates.get(template);
  if (!canonical) {
    canonical = normalized(podTemplateType, template) as PodTemplateSpec;
    canonicalTemplates.set(template, canonical);
  }
  return canonical;
}

/** The template's canonical JSON: two templates mean the same exactly when these are equal. */
export function templateText(template: PodTemplateSpec): string {
  let text = canonicalTexts.get(template);
  if (text === undefined) {
    text = goJson(canonicalTemplate(template));
    canonicalTexts.set(template, text);
  }
  return text;
}

export interface RevisionData {
  readonly spec: { readonly template: PodTemplateSpec & { readonly $patch: 'replace' } };
}

/** What a ControllerRevision of a StatefulSet or DaemonSet holds: a patch that restores the template. */
export function revisionData(template: PodTemplateSpec): RevisionData {
  return { spec: { template: { $patch: 'replace', ...canonicalTemplate(template) } } };
}

/** The exact bytes of that data. */
export function revisionDataText(template: PodTemplateSpec): string {
  return goJson(revisionData(template));
}
