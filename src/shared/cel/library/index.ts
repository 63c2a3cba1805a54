import { functionTable, type LibraryEntry } from '#shared/cel/functions.ts';
import { addresses } from '#shared/cel/library/addresses.ts';
import { conversions } from '#shared/cel/library/conversions.ts';
import { namedFormats } from '#shared/cel/library/formats.ts';
import { lists } from '#shared/cel/library/lists.ts';
import { operators } from '#shared/cel/library/operators.ts';
import { optionals } from '#shared/cel/library/optionals.ts';
import { quantities } from '#shared/cel/library/quantities.ts';
import { strings } from '#shared/cel/library/strings.ts';
import { timeFunctions } from '#shared/cel/library/times.ts';
import { urls } from '#shared/cel/library/urls.ts';
import { versions } from '#shared/cel/library/versions.ts';

/** Everything that every expression in Kubernetes may call. */
export const kubernetesLibrary: readonly (readonly LibraryEntry[])[] = [
  operators,
  conversions,
  timeFunctions,
  strings,
  lists,
  optionals,
  quantities,
  versions,
  addresses,
  urls,
  namedFormats,
];

export const kubernetesFunctions = functionTable(kubernetesLibrary);
