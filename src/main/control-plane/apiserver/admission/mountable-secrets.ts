import type {
  Container,
  EphemeralContainer,
  Pod,
  ServiceAccount,
} from '#shared/api/types/core-v1.ts';

/** The first secret of a pod that its service account does not list, as upstream words it. */
export function unlistedSecret(
  { spec }: Pod,
  account: ServiceAccount,
  { isEphemeralOnly }: { readonly isEphemeralOnly: boolean },
): string | undefined {
  if (!spec) return undefined;
  const listed = new Set((account.secrets ?? []).map(({ name }) => name));
  const owner = account.metadata.name;
  const isMissing = (name: string | undefined): boolean => !listed.has(name);
  const inContainers = (
    containers: readonly (Container | EphemeralContainer)[] | undefined,
    what: string,
  ): string | undefined => {
    for (const container of containers ?? []) {
      const complaint = unlistedInContainer(container, what, { isMissing, owner });
      if (complaint) return complaint;
    }
    return undefined;
  };
  if (isEphemeralOnly) return inContainers(spec.ephemeralContainers, 'ephemeral container');
  for (const { secret } of spec.volumes ?? []) {
    if (secret && isMissing(secret.secretName)) {
      return `volume with secret.secretName="${secret.secretName ?? ''}" is not allowed because service account ${owner} does not reference that secret`;
    }
  }
  return (
    inContainers(spec.initContainers, 'init container') ??
    inContainers(spec.containers, 'container') ??
    unlistedPullSecret(spec, account)
  );
}

interface Listing {
  readonly owner: string;
  isMissing(name: string | undefined): boolean;
}

function unlistedInContainer(
  { name, env, envFrom }: Container | EphemeralContainer,
  what: string,
  { isMissing, owner }: Listing,
): string | undefined {
  const because = `is not allowed because service account ${owner} does not reference that secret`;
  for (const variable of env ?? []) {
    const secret = variable.valueFrom?.secretKeyRef;
    if (secret && isMissing(secret.name)) {
      return `${what} ${name} with envVar ${variable.name} referencing secret.secretName="${secret.name ?? ''}" ${because}`;
    }
  }
  for (const { secretRef } of envFrom ?? []) {
    if (secretRef && isMissing(secretRef.name)) {
      return `${what} ${name} with envFrom referencing secret.secretName="${secretRef.name ?? ''}" ${because}`;
    }
  }
  return undefined;
}

function unlistedPullSecret(
  spec: NonNullable<Pod['spec']>,
  account: ServiceAccount,
): string | undefined {
  const listed = new Set((account.imagePullSecrets ?? []).map(({ name }) => name));
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (!listed.has(name)) {
      return `imagePullSecrets[${index}].name="${name ?? ''}" is not allowed because service account ${account.metadata.name} does not reference that imagePullSecret`;
    }
  }
  return undefined;
}
