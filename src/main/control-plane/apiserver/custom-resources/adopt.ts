import type { Draft, KubeObject } from '#shared/kube/object.ts';

type Loose = Record<string, unknown>;

const stored = 'apiextensions.k8s.io/v1beta1';

/**
 * A definition as upstream's server stores it: in v1beta1, where what all versions share stands once
 * beside them. Anything else is given back as it is.
 */
export function adoptDefinition(foreign: Draft<KubeObject>): Draft<KubeObject> {
  if (foreign.apiVersion !== stored) return foreign;
  const definition = foreign as unknown as Loose & { readonly spec: Loose };
  const {
    version,
    versions,
    validation,
    subresources,
    additionalPrinterColumns,
    selectableFields,
    conversion,
    ...spec
  } = definition.spec;
  const given = (versions as Loose[] | undefined) ?? [
    { name: version, served: true, storage: true },
  ];
  const shared: Loose = {
    ...(validation !== undefined && { schema: validation }),
    ...(subresources !== undefined && { subresources }),
    ...(additionalPrinterColumns !== undefined && { additionalPrinterColumns }),
    ...(selectableFields !== undefined && { selectableFields }),
  };
  const adopted = {
    ...definition,
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: {
      ...spec,
      versions: given.map((each) => adoptVersion({ ...shared, ...each })),
      conversion: adoptConversion(conversion as Loose | undefined),
    },
  };
  return adopted as unknown as Draft<KubeObject>;
}

/** Only the spelling of one member differs. */
function adoptVersion({ additionalPrinterColumns, ...version }: Loose): Loose {
  const columns = additionalPrinterColumns as Loose[] | undefined;
  if (!columns) return version;
  return {
    ...version,
    additionalPrinterColumns: columns.map(({ JSONPath, ...column }) => ({
      ...column,
      jsonPath: column['jsonPath'] ?? JSONPath,
    })),
  };
}

function adoptConversion(conversion: Loose | undefined): Loose {
  const { strategy = 'None', webhookClientConfig, conversionReviewVersions } = conversion ?? {};
  if (strategy === 'None') return { strategy };
  const webhook = { clientConfig: webhookClientConfig, conversionReviewVersions };
  return { strategy, webhook };
}
