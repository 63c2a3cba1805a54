type Amounts = Readonly<Record<string, string>>;

/** A pod of one container that asks for these amounts. */
export function pod(name: string, requests: Amounts, spec: object = {}): object {
  const containers = [{ name: 'main', image: 'nginx', resources: { requests } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { ...spec, containers } };
}

/** A deployment of two such pods. */
export function deployment(name: string, requests: Amounts, replicas = 2): object {
  const labels = { app: name };
  const containers = [{ name: 'main', image: 'nginx', resources: { requests } }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}
