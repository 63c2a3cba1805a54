import { expect, test } from 'vitest';
import { encodeValue } from '#main/control-plane/apiserver/http/encode.ts';

test('the list of the core group, which names no version, is served as protobuf, too', () => {
  const list = { kind: 'APIResourceList', groupVersion: 'v1', resources: [] };
  const bytes = Buffer.from(encodeValue(list, { format: 'protobuf' }));
  expect(bytes.subarray(0, 4).toString('latin1')).toBe('k8s\0');
  expect(bytes.toString('latin1')).toContain('APIResourceList');
});
