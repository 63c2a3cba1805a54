import { expect, test } from 'vitest';
import { adoptDefinition } from '#main/control-plane/apiserver/custom-resources/adopt.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

const metadata = { name: 'widgets.example.com' };
const schema = { openAPIV3Schema: { type: 'object' } };
const names = { plural: 'widgets', kind: 'Widget' };

test('a definition stored by an upstream server comes out in v1', () => {
  const stored = {
    apiVersion: 'apiextensions.k8s.io/v1beta1',
    kind: 'CustomResourceDefinition',
    metadata,
    spec: {
      group: 'example.com',
      version: 'v1',
      names,
      scope: 'Namespaced',
      validation: schema,
      additionalPrinterColumns: [{ name: 'Size', type: 'integer', JSONPath: '.spec.size' }],
      versions: [
        { name: 'v1', served: true, storage: true },
        { name: 'v2', served: true, storage: false, subresources: { status: {} } },
      ],
      conversion: { strategy: 'None' },
    },
  } as unknown as Draft<KubeObject>;
  const shared = {
    schema,
    additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
  };
  expect(adoptDefinition(stored)).toEqual({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata,
    spec: {
      group: 'example.com',
      names,
      scope: 'Namespaced',
      conversion: { strategy: 'None' },
      versions: [
        { name: 'v1', served: true, storage: true, ...shared },
        { name: 'v2', served: true, storage: false, subresources: { status: {} }, ...shared },
      ],
    },
  });
});

test('a definition in v1 stays as it is', () => {
  const own = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata,
  } as unknown as Draft<KubeObject>;
  expect(adoptDefinition(own)).toBe(own);
});
