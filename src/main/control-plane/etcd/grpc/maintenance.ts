import { raftTerm, type FaceContext } from './context.ts';
import {
  alarmRequest,
  alarmResponse,
  alarms,
  empty,
  hashKvRequest,
  hashKvResponse,
  hashResponse,
  headerOnly,
  snapshotResponse,
  statusResponse,
} from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import { streaming, unary, type Call, type Method } from './server.ts';
import { GrpcError, grpcStatus } from './status.ts';

export function maintenanceMethods(context: FaceContext): Method[] {
  const { store, header } = context;
  const service = '/etcdserverpb.Maintenance/';
  const single = "Pilothouse's store has one member: there is nobody to hand over to";
  return [
    unary(`${service}Status`, [empty, statusResponse], () => status(context)),
    unary(`${service}Alarm`, [alarmRequest, alarmResponse], (request) => alarm(context, request)),
    unary(`${service}Defragment`, [empty, headerOnly], async () => {
      await store.defragment();
      return { header: header() };
    }),
    unary(`${service}Hash`, [empty, hashResponse], async () => {
      const { hash, revision } = await store.hash();
      return { header: header(revision), hash };
    }),
    unary(`${service}HashKV`, [hashKvRequest, hashKvResponse], async (request) => {
      const { hash, revision, compactRevision } = await store.hash(request.revision);
      return { header: header(), hash, compactRevision, hashRevision: revision };
    }),
    streaming(`${service}Snapshot`, [empty, snapshotResponse], (call) => {
      void sendSnapshot(context, call);
    }),
    ...['MoveLeader', 'Downgrade'].map((method) =>
      unary(`${service}${method}`, [empty, headerOnly], async () => {
        throw new GrpcError(grpcStatus.unimplemented, single);
      }),
    ),
  ];
}

async function status(context: FaceContext): Promise<Partial<MessageOf<typeof statusResponse>>> {
  const { store, header, memberId } = context;
  const { version, dbSizeBytes, dbSizeInUseBytes, revision, noSpace } = await store.status();
  return {
    header: header(revision),
    version,
    dbSize: dbSizeBytes,
    dbSizeInUse: dbSizeInUseBytes,
    leader: memberId,
    raftIndex: revision,
    raftAppliedIndex: revision,
    raftTerm,
    errors: noSpace ? [`memberID:${memberId} alarm:NOSPACE `] : [],
  };
}

/** Alarms tell how things are: they come and go by themselves and cannot be set by hand. */
async function alarm(
  { store, header, memberId }: FaceContext,
  { action }: MessageOf<typeof alarmRequest>,
): Promise<Partial<MessageOf<typeof alarmResponse>>> {
  const activate = 1;
  if (action === activate) {
    throw new GrpcError(grpcStatus.unimplemented, 'Alarms of this store cannot be raised by hand');
  }
  const { noSpace } = await store.status();
  return { header: header(), alarms: noSpace ? [{ memberId, alarm: alarms.noSpace }] : [] };
}

/** As much as etcd sends at once. */
const blobBytes = 32 * 1024;

async function sendSnapshot(
  { store }: FaceContext,
  call: Call<unknown, MessageOf<typeof snapshotResponse>>,
): Promise<void> {
  let drained = Promise.withResolvers<void>();
  let closed = false;
  call.onDrain(() => drained.resolve());
  call.onClose(() => {
    closed = true;
    drained.resolve();
  });
  try {
    const snapshot = store.snapshot();
    let remainingBytes = snapshot.totalBytes;
    for await (const chunk of snapshot) {
      for (let at = 0; at < chunk.length; at += blobBytes) {
        const blob = chunk.subarray(at, at + blobBytes);
        remainingBytes -= blob.length;
        drained = Promise.withResolvers();
        if (!call.write({ remainingBytes, blob })) await drained.promise;
        if (closed) return;
      }
    }
    call.end();
  } catch (error) {
    call.end(error);
  }
}
