import { memberOf, resolved, type Rooted, type Schema } from './language/schema.ts';

/** A manifest to begin with. */
export interface Template {
  readonly title: string;
  readonly text: string;
}

const web = (kind: string): string => `apiVersion: apps/v1
kind: ${kind}
metadata:
  name: web
  namespace: default
spec:
${kind === 'DaemonSet' ? '' : '  replicas: 2\n'}${kind === 'StatefulSet' ? '  serviceName: web\n' : ''}  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: nginx
          ports:
            - containerPort: 80
          resources:
            requests:
              cpu: 100m
              memory: 64Mi
            limits:
              memory: 128Mi
`;

const jobSpec = (indent: string): string =>
  `spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: task
          image: busybox
          command: ["sh", "-c", "echo done"]
`
    .split('\n')
    .map((line) => (line ? indent + line : line))
    .join('\n');

export const templates: readonly Template[] = [
  { title: 'Deployment', text: web('Deployment') },
  {
    title: 'Deployment with Service',
    text: `${web('Deployment')}---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: default
spec:
  selector:
    app: web
  ports:
    - port: 80
      targetPort: 80
`,
  },
  { title: 'StatefulSet', text: web('StatefulSet') },
  { title: 'DaemonSet', text: web('DaemonSet') },
  {
    title: 'Pod',
    text: `apiVersion: v1
kind: Pod
metadata:
  name: shell
  namespace: default
spec:
  containers:
    - name: shell
      image: busybox
      command: ["sleep", "infinity"]
`,
  },
  {
    title: 'Job',
    text: `apiVersion: batch/v1
kind: Job
metadata:
  name: task
  namespace: default
${jobSpec('')}`,
  },
  {
    title: 'CronJob',
    text: `apiVersion: batch/v1
kind: CronJob
metadata:
  name: task
  namespace: default
spec:
  schedule: "0 3 * * *"
  jobTemplate:
${jobSpec('    ')}`,
  },
  {
    title: 'Service',
    text: `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: default
spec:
  selector:
    app: web
  ports:
    - port: 80
      targetPort: 80
`,
  },
  {
    title: 'Ingress',
    text: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: default
spec:
  rules:
    - host: web.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: web
                port:
                  number: 80
`,
  },
  {
    title: 'ConfigMap',
    text: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: default
data:
  key: value
`,
  },
  {
    title: 'Secret',
    text: `apiVersion: v1
kind: Secret
metadata:
  name: credentials
  namespace: default
type: Opaque
stringData:
  password: ""
`,
  },
  {
    title: 'PersistentVolumeClaim',
    text: `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
  namespace: default
spec:
  accessModes: ["ReadWriteOnce"]
  resources:
    requests:
      storage: 1Gi
`,
  },
  {
    title: 'NetworkPolicy',
    text: `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web-from-front
  namespace: default
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes: ["Ingress"]
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app: front
      ports:
        - port: 80
`,
  },
  {
    title: 'Namespace',
    text: `apiVersion: v1
kind: Namespace
metadata:
  name: team
`,
  },
];

/** Any kind, custom ones too: what its schema requires, to be filled in. */
export function skeletonOf(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  { rooted, isNamespaced }: { readonly rooted: Rooted | undefined; readonly isNamespaced: boolean },
): string {
  const lines = [`apiVersion: ${apiVersion}`, `kind: ${kind}`, 'metadata:', '  name: ""'];
  if (isNamespaced) lines.push('  namespace: default');
  const known: Schema = rooted ? resolved(rooted).schema : {};
  const others = Object.keys(known.properties ?? {}).filter(
    (name) =>
      known.required?.includes(name) || name === 'spec' || (name === 'data' && kind !== 'Secret'),
  );
  for (const name of others.filter((each) => !lines.some((line) => line.startsWith(`${each}:`))))
    lines.push(...memberLines(name, rooted && memberOf(rooted, name), ''));
  return `${lines.join('\n')}\n`;
}

const deepest = 6;

function memberLines(name: string, rooted: Rooted | undefined, indent: string): readonly string[] {
  const schema: Schema = rooted ? resolved(rooted).schema : {};
  const required = (of: Rooted, below: string): readonly string[] =>
    below.length > 2 * deepest
      ? []
      : (resolved(of).schema.required ?? []).flatMap((each) =>
          memberLines(each, memberOf(of, each), below),
        );
  if (schema.type === 'array') {
    const item = rooted && memberOf(rooted, 0);
    const [first = '    ""', ...rest] = item ? required(item, `${indent}    `) : [];
    return [`${indent}${name}:`, `${indent}  - ${first.trimStart()}`, ...rest];
  }
  if (schema.type === 'object' || schema.properties) {
    const below = rooted ? required(rooted, `${indent}  `) : [];
    return below.length > 0 ? [`${indent}${name}:`, ...below] : [`${indent}${name}: {}`];
  }
  const value =
    schema.enum?.[0] ?? (schema.type === 'integer' ? 0 : schema.type === 'boolean' ? false : '');
  return [`${indent}${name}: ${JSON.stringify(value)}`];
}
