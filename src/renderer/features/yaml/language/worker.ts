import '../../../app/platform.ts';
import { complete, type KnownKind, type Suggestions } from './complete.ts';
import { describe, type Description } from './describe.ts';
import { diagnose, type FindSchema, type Problem } from './diagnose.ts';
import { schemaOfKind, type OpenApiDocument, type Rooted } from './schema.ts';

export type Asked =
  | { readonly type: 'diagnose'; readonly text: string }
  | { readonly type: 'complete' | 'describe'; readonly text: string; readonly offset: number };

/** What the editor asks; each question is answered under its id. */
export type Question = Asked & { readonly id: number };

/** What the editor tells before it asks. */
export type Knowledge =
  | { readonly type: 'kinds'; readonly kinds: readonly KnownKind[] }
  | { readonly type: 'schemas'; readonly apiVersion: string; readonly document: OpenApiDocument };

export interface Answer {
  readonly id: number;
  readonly result: readonly Problem[] | Suggestions | Description | undefined;
}

let kinds: readonly KnownKind[] = [];
const documents = new Map<string, OpenApiDocument>();
const found = new Map<string, Rooted | undefined>();

/** Of what has not been read yet nothing is known to be wrong. */
const anything: Rooted = { schema: {}, definitions: {} };

const findSchema: FindSchema = (apiVersion, kind) => {
  const key = `${apiVersion} ${kind}`;
  if (found.has(key)) return found.get(key);
  const document = documents.get(apiVersion);
  if (!document) return anything;
  const rooted = schemaOfKind(document, apiVersion, kind);
  found.set(key, rooted);
  return rooted;
};

addEventListener('message', ({ data }: MessageEvent<Question | Knowledge>) => {
  if (data.type === 'kinds') kinds = data.kinds;
  else if (data.type === 'schemas') {
    documents.set(data.apiVersion, data.document);
    found.clear();
  } else postMessage({ id: data.id, result: answer(data) } satisfies Answer);
});

function answer(question: Question): Answer['result'] {
  const { text } = question;
  if (question.type === 'diagnose') return diagnose(text, findSchema);
  if (question.type === 'complete') return complete(text, question.offset, { findSchema, kinds });
  return describe(text, question.offset, findSchema);
}
