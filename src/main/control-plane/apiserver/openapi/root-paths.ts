import {
  capital,
  groupName,
  type Operation,
  type PathOperations,
  type Payload,
  type Produces,
  tagOf,
} from '#main/control-plane/apiserver/openapi/operations.ts';

const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** What is not about a resource: discovery, the version, the issuer's documents. */
export function rootPaths(
  groups: readonly { name: string; versions: readonly string[] }[],
): readonly PathOperations[] {
  const paths = [
    rootPath('/.well-known/openid-configuration/', 'getServiceAccountIssuerOpenIDConfiguration', {
      tag: 'WellKnown',
      description:
        "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
      answer: 'text',
      produces: 'json',
    }),
    rootPath('/openid/v1/jwks/', 'getServiceAccountIssuerOpenIDKeyset', {
      tag: 'openid',
      description:
        'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
      answer: 'text',
      produces: 'jwks',
    }),
    rootPath('/version/', 'getCodeVersion', {
      tag: 'version',
      description: 'get the version information for this server',
      answer: 'version',
      produces: 'json',
      consumes: ['application/json'],
    }),
    discoveryPath('/api/', 'getCoreAPIVersions', 'core', 'meta.v1.APIVersions'),
    discoveryPath('/apis/', 'getAPIVersions', 'apis', 'meta.v1.APIGroupList'),
  ];
  for (const { name, versions } of groups) {
    const base = name ? `/apis/${name}/` : '/api/';
    if (name)
      paths.push(
        discoveryPath(base, `get${groupName(name)}APIGroup`, tagOf(name), 'meta.v1.APIGroup'),
      );
    for (const version of versions) paths.push(resourceListPath(name, version));
  }
  return paths;
}

function resourceListPath(group: string, version: string): PathOperations {
  const base = group ? `/apis/${group}/` : '/api/';
  const id = `get${groupName(group)}${capital(version)}APIResources`;
  return discoveryPath(`${base}${version}/`, id, tagOf(group, version), 'meta.v1.APIResourceList');
}

const discoveryTexts: Readonly<Record<string, string>> = {
  'meta.v1.APIVersions': 'get available API versions',
  'meta.v1.APIGroupList': 'get available API versions',
  'meta.v1.APIGroup': 'get information of a group',
  'meta.v1.APIResourceList': 'get available resources',
};

function discoveryPath(path: string, id: string, tag: string, type: string): PathOperations {
  const description = discoveryTexts[type]!;
  return rootPath(path, id, {
    tag,
    description,
    answer: { type },
    produces: 'object',
    consumes: objectTypes,
  });
}

interface RootOperation {
  readonly tag: string;
  readonly description: string;
  readonly answer: Payload;
  readonly produces: Produces;
  readonly consumes?: readonly string[];
}

function rootPath(path: string, id: string, { answer, ...parts }: RootOperation): PathOperations {
  const operation: Operation = {
    method: 'get',
    id,
    parameters: [],
    answers: [[200, answer]],
    ...parts,
  };
  return { path, parameters: [], operations: [operation] };
}
