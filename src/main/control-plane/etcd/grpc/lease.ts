import { StoreError } from '../store.ts';
import type { FaceContext } from './context.ts';
import {
  empty,
  headerOnly,
  leaseGrantRequest,
  leaseGrantResponse,
  leaseKeepAliveResponse,
  leaseLeasesResponse,
  leaseRequest,
  leaseTimeToLiveRequest,
  leaseTimeToLiveResponse,
} from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import { streaming, unary, type Call, type Method } from './server.ts';

export function leaseMethods(context: FaceContext): Method[] {
  const { store, header } = context;
  const service = '/etcdserverpb.Lease/';
  const revoke = async ({ id }: MessageOf<typeof leaseRequest>) => {
    await store.revokeLease(id);
    return { header: header() };
  };
  const list = async () => {
    const leases = (await store.leases()).map((id) => ({ id }));
    return { header: header(), leases };
  };
  const timeToLive = async ({ id, keys }: MessageOf<typeof leaseTimeToLiveRequest>) => {
    const status = await store.leaseTimeToLive(id, { keys });
    const { ttlSeconds, remainingSeconds } = status;
    return {
      header: header(),
      id,
      ttl: remainingSeconds,
      grantedTtl: ttlSeconds,
      keys: status.keys,
    };
  };
  const revokeTypes = [leaseRequest, headerOnly] as const;
  const listTypes = [empty, leaseLeasesResponse] as const;
  const timeToLiveTypes = [leaseTimeToLiveRequest, leaseTimeToLiveResponse] as const;
  return [
    unary(`${service}LeaseGrant`, [leaseGrantRequest, leaseGrantResponse], async (request) => {
      const { id, ttlSeconds } = await store.grantLease(request.ttl, request.id);
      return { header: header(), id, ttl: ttlSeconds };
    }),
    unary(`${service}LeaseRevoke`, revokeTypes, revoke),
    unary(`${service}LeaseTimeToLive`, timeToLiveTypes, timeToLive),
    unary(`${service}LeaseLeases`, listTypes, list),
    // Where these three were before they had a service of their own; clients still ask there.
    unary('/etcdserverpb.KV/LeaseRevoke', revokeTypes, revoke),
    unary('/etcdserverpb.KV/LeaseTimeToLive', timeToLiveTypes, timeToLive),
    unary('/etcdserverpb.KV/LeaseLeases', listTypes, list),
    streaming(`${service}LeaseKeepAlive`, [leaseRequest, leaseKeepAliveResponse], (call) =>
      keepAlive(context, call),
    ),
  ];
}

function keepAlive(
  { store, header }: FaceContext,
  call: Call<MessageOf<typeof leaseRequest>, MessageOf<typeof leaseKeepAliveResponse>>,
): void {
  // Answers keep the order of the requests.
  let last = Promise.resolve();
  const renew = async (id: bigint): Promise<void> => {
    try {
      const { ttlSeconds } = await store.keepLeaseAlive(id);
      call.write({ header: header(), id, ttl: ttlSeconds });
    } catch (error) {
      // A lease that is gone has a time to live of 0; the call goes on for the others.
      if (StoreError.is(error, 'leaseNotFound')) call.write({ header: header(), id, ttl: 0 });
      else call.end(error);
    }
  };
  call.onMessage(({ id }) => {
    last = last.then(() => renew(id));
  });
  call.onEnd(() => void last.then(() => call.end()));
}
