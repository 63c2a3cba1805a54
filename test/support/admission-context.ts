import type { AdmissionContext } from '#main/control-plane/apiserver/admission/plugin.ts';
import { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import { WebhookCaller } from '#main/control-plane/apiserver/webhook/call.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { MemoryObjectCache } from './object-cache.ts';

/** What admission plugins stand on where nothing but objects is there. */
export function admissionContext(parts: {
  readonly objects: MemoryObjectCache;
  readonly cluster: Cluster;
  readonly clock: Clock;
}): AdmissionContext {
  const services = {
    dial: () => Promise.reject(new Error('There are no services in this test')),
  };
  return {
    ...parts,
    catalog: new Catalog(),
    webhooks: new WebhookCaller({ services, clock: parts.clock }),
    log: silentLog,
  };
}
