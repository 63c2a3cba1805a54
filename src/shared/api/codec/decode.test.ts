import { expect, test } from 'vitest';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { parseJson } from '#shared/api/codec/json.ts';

function decode(type: string, text: string): ReturnType<typeof decodeObject> {
  const parsed = parseJson(text);
  return decodeObject(type, parsed.value, { isStrict: true, source: { text, parsed } });
}

const errors: readonly (readonly [type: string, text: string, message: string])[] = [
  ['core.v1.Pod', '[]', 'json: cannot unmarshal array into Go value of type v1.Pod'],
  [
    'core.v1.Pod',
    '{"spec":{"containers":[{"name":1,"ports":3}]}}',
    'json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
  ],
  [
    'core.v1.Pod',
    '{"spec":{"volumes":[{"hostPath":"x"}]}}',
    'json: cannot unmarshal string into Go struct field Volume.spec.volumes.VolumeSource.hostPath of type v1.HostPathVolumeSource',
  ],
  [
    'core.v1.Pod',
    '{"spec":{"containers":[{"ports":[{"containerPort":80.0}]}]}}',
    'json: cannot unmarshal number 80.0 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
  ],
  [
    'core.v1.Pod',
    '{"spec":{"priority":3000000000}}',
    'json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32',
  ],
  [
    'core.v1.Pod',
    '{"spec":{"containers":{}}}',
    'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
  ],
  [
    'core.v1.Service',
    '{"spec":{"ports":[{"targetPort":true}]}}',
    'json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32',
  ],
  ['core.v1.Pod', '{"spec":{"overhead":{"cpu":"1kM"}}}', "unable to parse quantity's suffix"],
  [
    'core.v1.Pod',
    '{"spec":{"overhead":{"cpu":"1x"}}}',
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  [
    'core.v1.Pod',
    '{"spec":{"restartPolicy":1}}',
    'json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy',
  ],
  [
    'core.v1.Pod',
    '{"metadata":{"creationTimestamp":"2024-13-01T00:00:00Z"}}',
    'parsing time "2024-13-01T00:00:00Z": month out of range',
  ],
  ['core.v1.Secret', '{"data":{"a":"AA!A"}}', 'illegal base64 data at input byte 2'],
  ['core.v1.Pod', '{bad', "invalid character 'b' looking for beginning of object key string"],
  ['core.v1.Pod', '', 'unexpected end of JSON input'],
  ['core.v1.Pod', '{"a":tru}', "invalid character '}' in literal true (expecting 'e')"],
  ['core.v1.Pod', '{}}', "invalid character '}' after top-level value"],
];

test.each(errors)('%s from %s is refused in Go’s words', (type, text, message) => {
  expect(() => decode(type, text)).toThrow(expect.objectContaining({ message }));
});

test('unknown and duplicate members are told in the order of the document', () => {
  const text =
    '{"spec":{"replicas":1,"containers":[{"name":"a","foo":2,"name":"b"}],"containers":[]},' +
    '"metadata":{"labels":{"a":"1","a":"2"},"Name":"x"}}';
  expect(decode('core.v1.Pod', text).strictErrors).toEqual([
    'unknown field "spec.replicas"',
    'unknown field "spec.containers[0].foo"',
    'duplicate field "spec.containers[0].name"',
    'duplicate field "spec.containers"',
    'duplicate field "metadata.labels.a"',
    'unknown field "metadata.Name"',
  ]);
});

const canonical: readonly (readonly [type: string, input: unknown, stored: unknown])[] = [
  [
    'core.v1.Pod',
    {
      status: null,
      spec: {
        containers: [
          { resources: { limits: { memory: '1024Mi', cpu: 0.5 } }, name: 'c', args: [] },
        ],
        nodeName: '',
        hostNetwork: false,
        securityContext: {},
        terminationGracePeriodSeconds: 0,
      },
      metadata: { name: 'a', creationTimestamp: '2024-01-01T01:00:00.5+01:00', labels: {} },
    },
    {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'a', creationTimestamp: '2024-01-01T00:00:00Z' },
      spec: {
        containers: [{ name: 'c', resources: { limits: { cpu: '500m', memory: '1Gi' } } }],
        terminationGracePeriodSeconds: 0,
        securityContext: {},
      },
      status: {},
    },
  ],
  [
    'core.v1.Event',
    { eventTime: '2024-01-01T02:00:00.123456+02:00' },
    {
      kind: 'Event',
      apiVersion: 'v1',
      metadata: {},
      involvedObject: {},
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
      eventTime: '2024-01-01T00:00:00.123456Z',
      reportingComponent: '',
      reportingInstance: '',
    },
  ],
  [
    'core.v1.Secret',
    { data: { b: 'QUJD\n', a: 'AB==', n: null }, stringData: null },
    { kind: 'Secret', apiVersion: 'v1', metadata: {}, data: { a: 'AA==', b: 'QUJD', n: '' } },
  ],
  [
    'rbac.v1.Role',
    { metadata: {} },
    { kind: 'Role', apiVersion: 'rbac.authorization.k8s.io/v1', metadata: {}, rules: null },
  ],
];

test.each(canonical)('%s is stored as Go would write it', (type, input, stored) => {
  const { object } = decode(type, JSON.stringify(input));
  expect(JSON.stringify(object)).toBe(JSON.stringify(stored));
});

test('a label named __proto__ is a label', () => {
  const { object } = decode('core.v1.ConfigMap', '{"data":{"__proto__":"x","a":"y"}}');
  expect(JSON.stringify(object)).toContain('"data":{"__proto__":"x","a":"y"}');
});

test('raw JSON hides no duplicates and causes none', () => {
  const text =
    '{"metadata":{"name":"a"},"revision":1,"data":{"a":{"b":1.0,"c":[1,{"d":2}]},"a":1}}';
  const { object, strictErrors } = decode('apps.v1.ControllerRevision', text);
  expect(object).toMatchObject({ data: { a: 1 } });
  expect(strictErrors).toEqual([]);
});
