import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  type CustomKind,
  customDefinitions,
  customPayloads,
} from '#main/control-plane/apiserver/openapi/custom-kinds.ts';
import {
  Definitions,
  type Descriptions,
  type Json,
} from '#main/control-plane/apiserver/openapi/definitions.ts';
import {
  encodeDocumentV2,
  encodeDocumentV3,
} from '#main/control-plane/apiserver/openapi/gnostic.ts';
import type { PathOperations } from '#main/control-plane/apiserver/openapi/operations.ts';
import {
  type DocumentContext,
  pathV2,
  pathV3,
} from '#main/control-plane/apiserver/openapi/paths.ts';
import { resourcePaths } from '#main/control-plane/apiserver/openapi/resource-paths.ts';
import { rootPaths } from '#main/control-plane/apiserver/openapi/root-paths.ts';
import { shareParameters } from '#main/control-plane/apiserver/openapi/shared-parameters.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** What is sent. `etag` is for the header, quotes included. */
export interface OpenApiDocument {
  readonly contentType: string;
  readonly etag: string;
  readonly body: Buffer;
  /** Compressed when first asked for, and kept. */
  gzip(): Buffer;
}

export const openApiV2ProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
export const openApiV3ProtobufType = 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf';
/** What older clients ask for; they are answered with the type above. */
export const openApiV2ProtobufTypeDeprecated =
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
export const openApiV3ProtobufTypeDeprecated =
  'application/com.github.proto-openapi.spec.v3@v1.0+protobuf';

export interface OpenApiOptions {
  /** The version in the documents' `info`. */
  readonly version: string;
  /** Called when the first document is built. */
  readonly descriptions: () => Descriptions;
  readonly resources: readonly Resource[];
}

/**
 * The OpenAPI documents of all that is served. Each is built when it is first asked for and kept
 * until kinds come or go; starting the server costs nothing.
 */
export class OpenApi {
  readonly #options: OpenApiOptions;
  readonly #v3 = new Map<string, CachedDocument>();
  #descriptions: Descriptions | undefined;
  #custom: readonly CustomKind[] = [];
  #foreign: readonly ForeignDocuments[] = [];
  #v2Json: OpenApiDocument | undefined;
  #v2Protobuf: OpenApiDocument | undefined;
  #v3Paths: ReadonlyMap<string, DocumentParts> | undefined;

  constructor(options: OpenApiOptions) {
    this.#options = options;
  }

  /** Replaces the kinds that CRDs define; only documents that hold another kind than before are built anew. */
  setCustomKinds(kinds: readonly CustomKind[]): void {
    const before = new Map(this.#custom.map((kind) => [kind.resource, kind.schemaV3]));
    const after = new Map(kinds.map((kind) => [kind.resource, kind.schemaV3]));
    const resources = [...before.keys(), ...after.keys()];
    const changed = resources.filter(
      (each) => !before.has(each) || !after.has(each) || before.get(each) !== after.get(each),
    );
    this.#custom = kinds;
    if (changed.length === 0) return;
    for (const resource of changed) this.#v3.delete(v3Name(resource));
    this.#v2Json = undefined;
    this.#v2Protobuf = undefined;
    this.#v3Paths = undefined;
  }

  /** Replaces what other API servers say of themselves. */
  setForeign(foreign: readonly ForeignDocuments[]): void {
    if (isDeepStrictEqual(foreign, this.#foreign)) return;
    const names = [...this.#foreign, ...foreign].flatMap((each) => [...each.openApiV3.keys()]);
    for (const name of names) this.#v3.delete(name);
    this.#foreign = foreign;
    this.#v2Json = undefined;
    this.#v2Protobuf = undefined;
  }

  /** `/openapi/v2` */
  v2(format: 'json' | 'protobuf'): OpenApiDocument {
    if (format === 'json') return (this.#v2Json ??= jsonDocument(this.#buildV2()));
    return (this.#v2Protobuf ??= document(
      openApiV2ProtobufType,
      Buffer.from(encodeDocumentV2(this.#buildV2())),
    ));
  }

  /** `/openapi/v3`: where each document is, with the hash that lets clients keep it. */
  v3Index(): OpenApiDocument {
    const foreign = this.#foreign.flatMap((each) => [...each.openApiV3.keys()]);
    const names = [...new Set([...this.#parts().keys(), ...foreign])].toSorted();
    const paths = Object.fromEntries(
      names.map((name) => [name, { serverRelativeURL: this.v3Url(name) }]),
    );
    return jsonDocument({ paths });
  }

  /** `/openapi/v3/apis/apps/v1` with its hash, for the name `apis/apps/v1`; throws for an unknown name. */
  v3Url(name: string): string {
    return `/openapi/v3/${name}?hash=${this.#cached(name)!.hash}`;
  }

  /** `/openapi/v3/<name>`; `undefined` when nothing of that name is served. */
  v3(name: string, format: 'json' | 'protobuf'): OpenApiDocument | undefined {
    const cached = this.#cached(name);
    if (!cached) return undefined;
    const content = (): Json => this.#contentV3(name)!;
    if (format === 'json') return (cached.json ??= jsonDocument(content()));
    return (cached.protobuf ??= {
      ...document(openApiV3ProtobufType, Buffer.from(encodeDocumentV3(content()))),
      etag: `"${cached.hash}"`,
    });
  }

  #cached(name: string): CachedDocument | undefined {
    const known = this.#v3.get(name);
    if (known) return known;
    const content = this.#contentV3(name);
    if (!content) return undefined;
    // The text is not kept: most documents are only ever named in the index.
    const hash = hashOf(Buffer.from(JSON.stringify(content)));
    const cached: CachedDocument = { hash, json: undefined, protobuf: undefined };
    this.#v3.set(name, cached);
    return cached;
  }

  #contentV3(name: string): Json | undefined {
    const parts = this.#parts().get(name);
    if (parts) return this.#buildV3(parts);
    return this.#foreign.find((each) => each.openApiV3.has(name))?.openApiV3.get(name);
  }

  #read(): Descriptions {
    return (this.#descriptions ??= this.#options.descriptions());
  }

  #buildV2(): Json {
    const { version, resources } = this.#options;
    const descriptions = this.#read();
    const kinds = this.#custom;
    const definitions = new Definitions(2, descriptions, groupVersionsOf(resources));
    const context = contextOf(definitions, descriptions, kinds);
    const paths = [
      ...rootPaths(groupsOf(resources)),
      ...resources.flatMap((resource) => resourcePaths(resource)),
      ...kinds.flatMap(({ resource }) => resourcePaths(resource, customPayloads(resource))),
    ];
    const shared = shareParameters(pathsJson(paths, (path) => pathV2(path, context)));
    return withForeign(this.#foreign, {
      definitions: definitions.all(),
      info: { title: 'Kubernetes', version },
      parameters: shared.parameters,
      paths: shared.paths,
      security: [{ BearerToken: [] }],
      securityDefinitions: { BearerToken: bearerToken },
      swagger: '2.0',
    });
  }

  #buildV3({ paths, kinds, groupVersion }: DocumentParts): Json {
    const { version } = this.#options;
    const descriptions = this.#read();
    const definitions = new Definitions(3, descriptions, groupVersion ? [groupVersion] : []);
    const context = contextOf(definitions, descriptions, kinds);
    const written = pathsJson(paths, (path) => pathV3(path, context));
    return {
      components: {
        schemas: definitions.all(),
        securitySchemes: { BearerToken: bearerToken },
      },
      info: { title: 'Kubernetes', version },
      openapi: '3.0.0',
      paths: written,
    };
  }

  #parts(): ReadonlyMap<string, DocumentParts> {
    if (this.#v3Paths) return this.#v3Paths;
    const { resources } = this.#options;
    const parts = new Map<string, DocumentParts>();
    const add = (name: string, paths: readonly PathOperations[], kind?: CustomKind): void => {
      const known = parts.get(name);
      const [root, group = '', version] = name.split('/');
      const groupVersion = root === 'apis' && version ? `${group}/${version}` : undefined;
      parts.set(name, {
        groupVersion,
        paths: [...(known?.paths ?? []), ...paths],
        kinds: [...(known?.kinds ?? []), ...(kind ? [kind] : [])],
      });
    };
    for (const path of rootPaths(groupsOf(resources)))
      add(path.path.replace(/^\/|\/$/g, ''), [path]);
    for (const resource of resources) add(v3Name(resource), resourcePaths(resource));
    for (const kind of this.#custom) {
      const { resource } = kind;
      add(v3Name(resource), resourcePaths(resource, customPayloads(resource)), kind);
    }
    return (this.#v3Paths = parts);
  }
}

/** What another API server's own documents say. */
export interface ForeignDocuments {
  readonly openApiV2: Json | undefined;
  /** By name, `apis/wardle.example.com/v1alpha1`. */
  readonly openApiV3: ReadonlyMap<string, Json>;
}

/** The document with the others' paths and definitions; what has a name already keeps it. */
function withForeign(foreign: readonly ForeignDocuments[], own: Json): Json {
  let { definitions, paths } = own as { readonly definitions: Json; readonly paths: Json };
  for (const { openApiV2, openApiV3 } of foreign) {
    if (!openApiV2) continue;
    const prefixes = [...openApiV3.keys()].map((name) => `/${name}`);
    const given = Object.entries((openApiV2['paths'] ?? {}) as Json).filter(([path]) =>
      prefixes.some((prefix) => path === `${prefix}/` || path.startsWith(`${prefix}/`)),
    );
    definitions = { ...(openApiV2['definitions'] as Json | undefined), ...definitions };
    paths = { ...Object.fromEntries(given), ...paths };
  }
  return { ...own, definitions, paths };
}

interface DocumentParts {
  readonly groupVersion: string | undefined;
  readonly paths: readonly PathOperations[];
  readonly kinds: readonly CustomKind[];
}

interface CachedDocument {
  readonly hash: string;
  json: OpenApiDocument | undefined;
  protobuf: OpenApiDocument | undefined;
}

const bearerToken = {
  description: 'Bearer Token authentication',
  in: 'header',
  name: 'authorization',
  type: 'apiKey',
};

function contextOf(
  definitions: Definitions,
  descriptions: Descriptions,
  kinds: readonly CustomKind[],
): DocumentContext {
  const extra = Object.assign({}, ...kinds.map((kind) => customDefinitions(kind, definitions)));
  return { definitions, descriptions, extra };
}

function v3Name({ group, version }: Resource): string {
  return group ? `apis/${group}/${version}` : `api/${version}`;
}

function groupsOf(resources: readonly Resource[]): { name: string; versions: string[] }[] {
  const groups = new Map<string, Set<string>>();
  for (const { group, version } of resources) {
    const versions = groups.get(group) ?? new Set<string>();
    groups.set(group, versions.add(version));
  }
  return Array.from(groups, ([name, versions]) => ({ name, versions: [...versions] }));
}

function groupVersionsOf(resources: readonly Resource[]): readonly string[] {
  return groupsOf(resources)
    .flatMap(({ name, versions }) =>
      versions.map((version) => (name ? `${name}/${version}` : version)),
    )
    .toSorted();
}

function pathsJson(
  paths: readonly PathOperations[],
  written: (path: PathOperations) => Json,
): Readonly<Record<string, Json>> {
  const sorted = paths.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return Object.fromEntries(sorted.map((path) => [path.path, written(path)]));
}

function jsonDocument(content: Json): OpenApiDocument {
  return document('application/json', Buffer.from(JSON.stringify(content)));
}

function document(contentType: string, body: Buffer): OpenApiDocument {
  let compressed: Buffer | undefined;
  return {
    contentType,
    body,
    etag: `"${hashOf(body)}"`,
    gzip: () => (compressed ??= gzipSync(body)),
  };
}

function hashOf(body: Buffer): string {
  return createHash('sha512').update(body).digest('hex').toUpperCase();
}
