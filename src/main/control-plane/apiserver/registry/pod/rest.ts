import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { bind } from '#main/control-plane/apiserver/registry/pod/binding.ts';
import { evict } from '#main/control-plane/apiserver/registry/pod/eviction.ts';
import { podPartHandlers } from '#main/control-plane/apiserver/registry/pod/parts.ts';
import { log } from '#main/control-plane/apiserver/registry/pod/log.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

export const podRest: KindRest = {
  /** Who runs nowhere or is over needs no time to end. */
  gracePeriodSeconds(object, options) {
    const { spec, status } = object as Pod;
    if (!spec.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
    const seconds = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
  handlers: {
    ...podPartHandlers,
    'get/log': log,
    'get/exec': upgradeRequired,
    'create/exec': upgradeRequired,
    'get/attach': upgradeRequired,
    'create/attach': upgradeRequired,
    'get/portforward': upgradeRequired,
    'create/portforward': upgradeRequired,
    'create/binding': bind,
    'create/eviction': evict,
  },
};

/** `bindings` is nothing but another path to the pods'. */
export const bindingRest: KindRest = { handlers: { create: bind } };

function upgradeRequired(): Promise<never> {
  return Promise.reject(new ApiError('BadRequest', 'Upgrade request required'));
}
