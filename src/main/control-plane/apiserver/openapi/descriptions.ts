import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Descriptions,
  noDescriptions,
} from '#main/control-plane/apiserver/openapi/definitions.ts';

const generated = join(import.meta.dirname, '../../../../../resources/generated/descriptions.json');

/** What `npm run generate` took out of client-node; the documents do without where that did not run. */
export function readDescriptions(path: string = generated): Descriptions {
  if (!existsSync(path)) return noDescriptions;
  return JSON.parse(readFileSync(path, 'utf8')) as Descriptions;
}
