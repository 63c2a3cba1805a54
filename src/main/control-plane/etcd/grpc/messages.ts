import {
  bigint64,
  bool,
  bytes,
  choice,
  enumeration,
  int64,
  key,
  message,
  nested,
  recursive,
  repeated,
  text,
  type MessageOf,
} from '#shared/base/protobuf.ts';

/** etcd's public API, version 3: field numbers as in its API reference. */

export const header = message({
  clusterId: bigint64(1),
  memberId: bigint64(2),
  revision: int64(3),
  raftTerm: int64(4),
});

/** What a request without fields, or an answer of which only the header matters, looks like. */
export const empty = message({});
export const headerOnly = message({ header: nested(1, header) });

export const keyValue = message({
  key: key(1),
  createRevision: int64(2),
  modRevision: int64(3),
  version: int64(4),
  value: bytes(5),
  lease: bigint64(6),
});

export const rangeRequest = message({
  key: key(1),
  rangeEnd: key(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: enumeration(5),
  sortTarget: enumeration(6),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
  minModRevision: int64(10),
  maxModRevision: int64(11),
  minCreateRevision: int64(12),
  maxCreateRevision: int64(13),
});
export const rangeResponse = message({
  header: nested(1, header),
  kvs: repeated(nested(2, keyValue)),
  more: bool(3),
  count: int64(4),
});
export const sortTargets = ['key', 'version', 'create', 'mod', 'value'] as const;

export const putRequest = message({
  key: key(1),
  value: bytes(2),
  lease: bigint64(3),
  prevKv: bool(4),
  ignoreValue: bool(5),
  ignoreLease: bool(6),
});
export const putResponse = message({ header: nested(1, header), prevKv: nested(2, keyValue) });

export const deleteRequest = message({ key: key(1), rangeEnd: key(2), prevKv: bool(3) });
export const deleteResponse = message({
  header: nested(1, header),
  deleted: int64(2),
  prevKvs: repeated(nested(3, keyValue)),
});

export const compare = message({
  result: enumeration(1),
  target: enumeration(2),
  key: key(3),
  version: choice(int64(4)),
  createRevision: choice(int64(5)),
  modRevision: choice(int64(6)),
  value: choice(bytes(7)),
  lease: choice(bigint64(8)),
  rangeEnd: key(64),
});
export const compareResults = ['=', '>', '<', '!='] as const;
export const compareTargets = ['version', 'create', 'mod', 'value', 'lease'] as const;

/** Transactions nest: the operations refer to them, so they are put in below. */
export interface RequestOperation {
  readonly range: MessageOf<typeof rangeRequest> | undefined;
  readonly put: MessageOf<typeof putRequest> | undefined;
  readonly delete: MessageOf<typeof deleteRequest> | undefined;
  readonly txn: TxnRequestMessage | undefined;
}
export interface TxnRequestMessage {
  readonly compare: readonly MessageOf<typeof compare>[];
  readonly success: readonly RequestOperation[];
  readonly failure: readonly RequestOperation[];
}
export interface ResponseOperation {
  readonly range?: Partial<MessageOf<typeof rangeResponse>> | undefined;
  readonly put?: Partial<MessageOf<typeof putResponse>> | undefined;
  readonly delete?: Partial<MessageOf<typeof deleteResponse>> | undefined;
  readonly txn?: Partial<TxnResponseMessage> | undefined;
}
export interface TxnResponseMessage {
  readonly header: Partial<MessageOf<typeof header>> | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOperation[];
}

export const txnRequest = recursive<TxnRequestMessage>((self) => {
  const operation = message({
    range: choice(nested(1, rangeRequest)),
    put: choice(nested(2, putRequest)),
    delete: choice(nested(3, deleteRequest)),
    txn: choice(nested(4, self)),
  });
  return {
    compare: repeated(nested(1, compare)),
    success: repeated(nested(2, operation)),
    failure: repeated(nested(3, operation)),
  };
});
export const txnResponse = recursive<TxnResponseMessage>((self) => {
  const operation = message({
    range: choice(nested(1, rangeResponse)),
    put: choice(nested(2, putResponse)),
    delete: choice(nested(3, deleteResponse)),
    txn: choice(nested(4, self)),
  });
  return {
    header: nested(1, header),
    succeeded: bool(2),
    responses: repeated(nested(3, operation)),
  };
});

export const compactionRequest = message({ revision: int64(1), physical: bool(2) });

export const watchCreate = message({
  key: key(1),
  rangeEnd: key(2),
  startRevision: int64(3),
  progressNotify: bool(4),
  filters: repeated(enumeration(5)),
  prevKv: bool(6),
  watchId: int64(7),
  fragment: bool(8),
});
export const watchFilters = { noPut: 0, noDelete: 1 } as const;
export const watchRequest = message({
  create: choice(nested(1, watchCreate)),
  cancel: choice(nested(2, message({ watchId: int64(1) }))),
  progress: choice(nested(3, empty)),
});
export const event = message({
  type: enumeration(1),
  kv: nested(2, keyValue),
  prevKv: nested(3, keyValue),
});
export const watchResponse = message({
  header: nested(1, header),
  watchId: int64(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: repeated(nested(11, event)),
});

export const leaseGrantRequest = message({ ttl: int64(1), id: bigint64(2) });
export const leaseGrantResponse = message({
  header: nested(1, header),
  id: bigint64(2),
  ttl: int64(3),
  error: text(4),
});
export const leaseRequest = message({ id: bigint64(1) });
export const leaseKeepAliveResponse = message({
  header: nested(1, header),
  id: bigint64(2),
  ttl: int64(3),
});
export const leaseTimeToLiveRequest = message({ id: bigint64(1), keys: bool(2) });
export const leaseTimeToLiveResponse = message({
  header: nested(1, header),
  id: bigint64(2),
  ttl: int64(3),
  grantedTtl: int64(4),
  keys: repeated(key(5)),
});
export const leaseLeasesResponse = message({
  header: nested(1, header),
  leases: repeated(nested(2, leaseRequest)),
});

const member = message({
  id: bigint64(1),
  name: text(2),
  peerUrls: repeated(text(3)),
  clientUrls: repeated(text(4)),
  isLearner: bool(5),
});
export const memberListResponse = message({
  header: nested(1, header),
  members: repeated(nested(2, member)),
});

export const alarmRequest = message({
  action: enumeration(1),
  memberId: bigint64(2),
  alarm: enumeration(3),
});
export const alarms = { none: 0, noSpace: 1, corrupt: 2 } as const;
export const alarmResponse = message({
  header: nested(1, header),
  alarms: repeated(nested(2, message({ memberId: bigint64(1), alarm: enumeration(2) }))),
});
export const statusResponse = message({
  header: nested(1, header),
  version: text(2),
  dbSize: int64(3),
  leader: bigint64(4),
  raftIndex: int64(5),
  raftTerm: int64(6),
  raftAppliedIndex: int64(7),
  errors: repeated(text(8)),
  dbSizeInUse: int64(9),
  isLearner: bool(10),
  storageVersion: text(11),
});
export const hashResponse = message({ header: nested(1, header), hash: int64(2) });
export const hashKvRequest = message({ revision: int64(1) });
export const hashKvResponse = message({
  header: nested(1, header),
  hash: int64(2),
  compactRevision: int64(3),
  hashRevision: int64(4),
});
export const snapshotResponse = message({
  header: nested(1, header),
  remainingBytes: int64(2),
  blob: bytes(3),
  version: text(4),
});

export const authStatusResponse = message({
  header: nested(1, header),
  enabled: bool(2),
  authRevision: int64(3),
});

export const healthRequest = message({ service: text(1) });
export const healthResponse = message({ status: enumeration(1) });
export const healthStatus = { serving: 1 } as const;
