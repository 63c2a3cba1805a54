import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { bind } from '#main/control-plane/apiserver/registry/pod/binding.ts';
import { evict } from '#main/control-plane/apiserver/registry/pod/eviction.ts';
import { podPartHandlers } from '#main/control-plane/apiserver/registry/pod/parts.ts';
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
    'create/binding': bind,
    'create/eviction': evict,
  },
};

/** `bindings` is nothing but another path to the pods'. */
export const bindingRest: KindRest = { handlers: { create: bind } };
