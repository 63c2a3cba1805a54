import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import { ownKeys, type settingsOperations } from '#shared/contract/settings.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface SettingsServices {
  /** `keys.yaml`, for people to edit as well. */
  readonly keysFile: string;
}

/** Keeps what people set for all their clusters in files of their own. */
export function settingsHandlers({
  keysFile,
}: SettingsServices): Handlers<typeof settingsOperations> {
  return {
    async ownKeys() {
      const text = await readIfPresent(keysFile);
      const kept: unknown = text === undefined ? {} : (parse(text) ?? {});
      const found = v.safeParse(ownKeys, kept);
      if (found.success && !Array.isArray(kept)) return found.output;
      throw new ApiError(
        'Invalid',
        `Cannot read ${keysFile}: it should be a list of keys, such as "d: Delete"; the usual keys hold`,
      );
    },
    async saveOwnKeys({ keys }) {
      await writeAtomically(keysFile, stringify(keys));
      return null;
    },
  };
}
