import { defineStore } from 'pinia';
import { watch } from 'vue';
import { useKinds } from '../../app/kinds.ts';
import { useSession } from '../../app/session.ts';
import { language } from './language/client.ts';
import { schemaOfKind, type OpenApiDocument, type Rooted } from './language/schema.ts';

interface OpenApiIndex {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

/** The cluster's own schemas, custom kinds too; each group and version is read when it is first named. */
export const useSchemas = defineStore('schemas', () => {
  const session = useSession();
  const kinds = useKinds();
  /** By the address, which holds a hash: a kind that changed has another. */
  const documents = new Map<string, Promise<OpenApiDocument>>();
  let index: Promise<OpenApiIndex> | undefined;

  watch(
    () => kinds.kinds,
    (known) => {
      index = undefined;
      language().learnKinds(
        known.map(({ group, version, kind }) => ({
          apiVersion: group ? `${group}/${version}` : version,
          kind,
        })),
      );
    },
    { immediate: true },
  );
  watch(
    () => session.app,
    () => (index = undefined),
  );

  async function get(path: string): Promise<unknown> {
    if (!session.app) throw new Error('The app is not connected');
    return session.app.get({ path });
  }

  /** An apiVersion that is not served has a document without schemas. */
  async function documentOf(apiVersion: string): Promise<OpenApiDocument> {
    index ??= get('/openapi/v3') as Promise<OpenApiIndex>;
    const { paths } = await index;
    const at = paths[apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`];
    if (!at) return {};
    const { serverRelativeURL } = at;
    const known = documents.get(serverRelativeURL);
    if (known) return known;
    const reading = get(serverRelativeURL) as Promise<OpenApiDocument>;
    documents.set(serverRelativeURL, reading);
    reading.catch(() => documents.delete(serverRelativeURL));
    return reading;
  }

  async function rootedOf(apiVersion: string, kind: string): Promise<Rooted | undefined> {
    return schemaOfKind(await documentOf(apiVersion), apiVersion, kind);
  }

  const taught = new Map<string, OpenApiDocument>();

  /** Sees to it that the language knows what the text speaks of. */
  async function teach(text: string): Promise<void> {
    const named = new Set(
      Array.from(text.matchAll(/^apiVersion:\s*["']?([\w./-]+)/gm), ([, name]) => name!),
    );
    for (const apiVersion of named) {
      try {
        const document = await documentOf(apiVersion);
        if (taught.get(apiVersion) === document) continue;
        taught.set(apiVersion, document);
        language().learnSchemas(apiVersion, document);
      } catch {
        // The status bar says that the app is away; text is checked against the schema once it is back.
        index = undefined;
      }
    }
  }

  return { rootedOf, teach };
});
