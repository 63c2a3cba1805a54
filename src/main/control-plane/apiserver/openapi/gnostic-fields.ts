import type { Field } from '#main/control-plane/apiserver/openapi/gnostic.ts';

export const text = (key: string, number: number): Field => ({ key, number, kind: 'text' });
export const texts = (key: string, number: number): Field => ({ key, number, kind: 'texts' });
export const bool = (key: string, number: number): Field => ({ key, number, kind: 'bool' });
export const integer = (key: string, number: number): Field => ({ key, number, kind: 'integer' });
export const double = (key: string, number: number): Field => ({ key, number, kind: 'double' });
export const message = (key: string, number: number, of: string): Field => ({
  key,
  number,
  kind: 'message',
  of,
});

export const isReference = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && '$ref' in value;
export const memberOf = (value: unknown, key: string): unknown =>
  (value as Readonly<Record<string, unknown>>)[key];
