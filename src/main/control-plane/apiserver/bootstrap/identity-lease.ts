import { createHash, randomUUID } from 'node:crypto';
import type { ServerSettings } from '#main/control-plane/apiserver/bootstrap/system-objects.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { New } from '#shared/kube/object.ts';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Says that this server lives: upstream's `apiserver-<hash of the host's name>`. */
export function createIdentityLease(settings: ServerSettings): {
  renew(cluster: Cluster, objects: ObjectCache, clock: Clock): Promise<void>;
} {
  const name = `apiserver-${hashed(settings.hostName)}`;
  const holderIdentity = `${name}_${randomUUID()}`;
  return {
    async renew(cluster, objects, clock) {
      const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
      const spec = { holderIdentity, leaseDurationSeconds: 3600, renewTime };
      const found = objects.get(leases, { namespace: 'kube-system', name });
      if (found) await cluster.update(leases, { ...found, spec: { ...found.spec, ...spec } });
      else await cluster.create(leases, leaseOf(name, settings, spec));
    },
  };
}

function leaseOf(
  name: string,
  { hostName, advertiseAddress, port }: ServerSettings,
  spec: Lease['spec'],
): New<Lease> {
  return {
    metadata: {
      name,
      namespace: 'kube-system',
      labels: {
        'apiserver.kubernetes.io/identity': 'kube-apiserver',
        'kubernetes.io/hostname': hostName,
      },
      annotations: { 'kubernetes.io/peer-advertise-address': `${advertiseAddress}:${port}` },
    },
    spec,
  };
}

/** 16 bytes of SHA-256, in base 32. */
function hashed(text: string): string {
  let bits = 0n;
  for (const byte of createHash('sha256').update(text).digest().subarray(0, 16))
    bits = (bits << 8n) | BigInt(byte);
  bits <<= 2n; // 128 bits fill 25 letters and three fifths
  let letters = '';
  for (let i = 0; i < 26; i++, bits >>= 5n) letters = base32[Number(bits & 31n)] + letters;
  return letters;
}
