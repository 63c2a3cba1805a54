import type { FaceContext } from './context.ts';
import { empty, headerOnly, memberListResponse } from './messages.ts';
import { unary, type Method } from './server.ts';
import { GrpcError, grpcStatus } from './status.ts';

/** A cluster of one, for good. */
export function clusterMethods({ header, name, memberId, clientUrl }: FaceContext): Method[] {
  const service = '/etcdserverpb.Cluster/';
  const message = "Pilothouse's store has one member, which can be neither changed nor joined";
  const refusals = ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote'].map((method) =>
    unary(`${service}${method}`, [empty, headerOnly], async () => {
      throw new GrpcError(grpcStatus.unimplemented, message);
    }),
  );
  return [
    unary(`${service}MemberList`, [empty, memberListResponse], async () => ({
      header: header(),
      members: [{ id: memberId, name, peerUrls: [clientUrl()], clientUrls: [clientUrl()] }],
    })),
    ...refusals,
  ];
}
