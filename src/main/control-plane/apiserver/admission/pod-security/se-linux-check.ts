import {
  containersOf,
  distinct,
  namesOf,
  plural,
  quoted,
  setters,
  type CheckPod,
} from '#main/control-plane/apiserver/admission/pod-security/check.ts';
import type { SELinuxOptions } from '#shared/api/types/core-v1.ts';

/** Only these SELinux types, and neither a user nor a role. */
export function checkSeLinux(types: readonly string[]): CheckPod {
  const isBadType = (type: string | undefined): type is string =>
    type !== undefined && type !== '' && !types.includes(type);
  const isBad = (options: SELinuxOptions | undefined): boolean =>
    Boolean(options && (isBadType(options.type) || options.user || options.role));
  return ({ spec }) => {
    const podOptions = spec.securityContext?.seLinuxOptions;
    const containers = namesOf(spec, ({ securityContext }) =>
      isBad(securityContext?.seLinuxOptions),
    );
    if (!isBad(podOptions) && containers.length === 0) return undefined;
    const all = [
      podOptions,
      ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions),
    ];
    const badTypes = distinct(all.map((options) => options?.type).filter(isBadType));
    const faults: string[] = [];
    if (badTypes.length > 0) {
      faults.push(`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`);
    }
    if (all.some((options) => options?.user)) faults.push('user may not be set');
    if (all.some((options) => options?.role)) faults.push('role may not be set');
    const who = setters(isBad(podOptions), containers);
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${faults.join('; ')}`,
    };
  };
}
