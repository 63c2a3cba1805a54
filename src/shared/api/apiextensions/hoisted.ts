import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  CustomResourceValidation,
  SelectableField,
} from '#shared/api/types/apiextensions-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';

/** What a version may say for itself, or the definition for all of its versions. */
export interface Settings {
  readonly schema?: CustomResourceValidation;
  readonly subresources?: CustomResourceSubresources;
  readonly additionalPrinterColumns?: readonly CustomResourceColumnDefinition[];
  readonly selectableFields?: readonly SelectableField[];
}

/** The form that upstream validates: what all versions have in common is said once. */
export interface HoistedSpec {
  readonly common: Settings;
  readonly versions: readonly CustomResourceDefinitionVersion[];
}

const members = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;

export function hoisted({ versions }: CustomResourceDefinitionSpec): HoistedSpec {
  const [first, ...others] = versions ?? [];
  if (!first) return { common: {}, versions: [] };
  const shared = members.filter((member) =>
    others.every((version) => semanticEqual(version[member], first[member])),
  );
  const pick = (source: Settings, names: readonly string[]): Settings =>
    Object.fromEntries(Object.entries(source).filter(([name]) => names.includes(name)));
  const own = (version: CustomResourceDefinitionVersion): CustomResourceDefinitionVersion => ({
    ...pick(
      version,
      Object.keys(version).filter((name) => !shared.some((item) => item === name)),
    ),
    name: version.name,
    served: version.served,
    storage: version.storage,
  });
  return { common: pick(first, shared), versions: versions.map(own) };
}
