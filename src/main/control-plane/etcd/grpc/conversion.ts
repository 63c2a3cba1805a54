import {
  StoreError,
  type Compare,
  type Operation,
  type OperationResponse,
  type RangeRequest,
  type RangeResponse,
  type StoreErrorCode,
  type TxnRequest,
  type TxnResponse,
} from '../store.ts';
import {
  compareResults,
  compareTargets,
  sortTargets,
  type compare,
  type deleteRequest,
  type header,
  type putRequest,
  type rangeRequest,
  type rangeResponse,
  type RequestOperation,
  type ResponseOperation,
  type TxnRequestMessage,
  type TxnResponseMessage,
} from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import { GrpcError, grpcStatus } from './status.ts';

type HeaderMessage = Partial<MessageOf<typeof header>>;

export function toRange(request: MessageOf<typeof rangeRequest>): RangeRequest {
  const { key, rangeEnd, sortOrder, sortTarget } = request;
  const sortBy = sortTargets[sortTarget];
  if (sortBy === undefined || sortOrder > 2) {
    throw new GrpcError(grpcStatus.invalidArgument, 'etcdserver: invalid sort option');
  }
  if (isPlainRange(request)) return rangeEnd === '' ? { key } : { key, rangeEnd };
  return {
    key,
    ...(rangeEnd !== '' && { rangeEnd }),
    limit: request.limit,
    revision: request.revision,
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    sortBy,
    descending: sortOrder === 2,
    minModRevision: request.minModRevision,
    maxModRevision: request.maxModRevision,
    minCreateRevision: request.minCreateRevision,
    maxCreateRevision: request.maxCreateRevision,
  };
}

function isPlainRange(request: MessageOf<typeof rangeRequest>): boolean {
  return (
    request.limit === 0 &&
    request.revision === 0 &&
    request.sortOrder === 0 &&
    request.sortTarget === 0 &&
    !request.keysOnly &&
    !request.countOnly &&
    request.minModRevision === 0 &&
    request.maxModRevision === 0 &&
    request.minCreateRevision === 0 &&
    request.maxCreateRevision === 0
  );
}

export function toPut(request: MessageOf<typeof putRequest>): Operation {
  return { type: 'put', ...request };
}

export function toDelete(request: MessageOf<typeof deleteRequest>): Operation {
  const { key, rangeEnd, prevKv } = request;
  return { type: 'delete', key, prevKv, ...(rangeEnd !== '' && { rangeEnd }) };
}

export function toTxn(request: TxnRequestMessage): TxnRequest {
  return {
    compare: request.compare.map(toCompare),
    success: request.success.map(toOperation),
    failure: request.failure.map(toOperation),
  };
}

function toOperation({ range, put, delete: remove, txn }: RequestOperation): Operation {
  if (put) return toPut(put);
  if (range) return { type: 'range', ...toRange(range) };
  if (remove) return toDelete(remove);
  if (txn) return { type: 'txn', ...toTxn(txn) };
  throw new GrpcError(grpcStatus.invalidArgument, 'etcdserver: key not found');
}

function toCompare(request: MessageOf<typeof compare>): Compare {
  const { key, rangeEnd } = request;
  const target = compareTargets[request.target];
  const result = compareResults[request.result];
  if (target === undefined || result === undefined) {
    throw new GrpcError(grpcStatus.invalidArgument, 'etcdserver: unknown kind of compare');
  }
  const values = {
    version: request.version ?? 0,
    create: request.createRevision ?? 0,
    mod: request.modRevision ?? 0,
    value: request.value ?? noBytes,
    lease: request.lease ?? 0n,
  };
  const value = values[target];
  return { key, target, result, value, ...(rangeEnd !== '' && { rangeEnd }) };
}

const noBytes = new Uint8Array(0);

export function fromRange(
  response: RangeResponse,
  header?: HeaderMessage,
): Partial<MessageOf<typeof rangeResponse>> {
  const { kvs, count, more } = response;
  return { header, kvs, count, more };
}

export function fromTxn(response: TxnResponse, header: HeaderMessage): Partial<TxnResponseMessage> {
  const { succeeded, responses } = response;
  return {
    header,
    succeeded,
    responses: responses.map((one) => fromOperation(one, response.revision)),
  };
}

function fromOperation(response: OperationResponse, revision: number): ResponseOperation {
  switch (response.type) {
    case 'put':
      return { put: { header: { revision }, prevKv: response.prevKv } };
    case 'range':
      return { range: fromRange(response, { revision: response.revision }) };
    case 'delete': {
      const { deleted, prevKvs } = response;
      return { delete: { header: { revision }, deleted, prevKvs } };
    }
    case 'txn':
    default:
      // etcd leaves the header of a nested transaction blank.
      return { txn: fromTxn(response, {}) };
  }
}

interface Wording {
  readonly status: number;
  readonly message: string;
}

const { invalidArgument, outOfRange, notFound, failedPrecondition } = grpcStatus;

/** The codes and texts by which etcd's clients know its errors. */
export const wordings: Readonly<Record<StoreErrorCode, Wording>> = {
  compacted: {
    status: outOfRange,
    message: 'etcdserver: mvcc: required revision has been compacted',
  },
  futureRevision: {
    status: outOfRange,
    message: 'etcdserver: mvcc: required revision is a future revision',
  },
  keyNotFound: { status: invalidArgument, message: 'etcdserver: key not found' },
  duplicateKey: {
    status: invalidArgument,
    message: 'etcdserver: duplicate key given in txn request',
  },
  leaseNotFound: { status: notFound, message: 'etcdserver: requested lease not found' },
  leaseExists: { status: failedPrecondition, message: 'etcdserver: lease already exists' },
  leaseTtlTooLarge: { status: outOfRange, message: 'etcdserver: too large lease TTL' },
  valueProvided: { status: invalidArgument, message: 'etcdserver: value is provided' },
  leaseProvided: { status: invalidArgument, message: 'etcdserver: lease is provided' },
  emptyKey: { status: invalidArgument, message: 'etcdserver: key is not provided' },
  tooManyOperations: {
    status: invalidArgument,
    message: 'etcdserver: too many operations in txn request',
  },
  requestTooLarge: { status: invalidArgument, message: 'etcdserver: request is too large' },
  noSpace: {
    status: grpcStatus.resourceExhausted,
    message: 'etcdserver: mvcc: database space exceeded',
  },
  corrupt: { status: grpcStatus.dataLoss, message: 'etcdserver: corrupt cluster' },
  unavailable: { status: grpcStatus.unavailable, message: 'etcdserver: request timed out' },
  stopped: { status: grpcStatus.unavailable, message: 'etcdserver: server stopped' },
};

export function toGrpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  if (!(error instanceof StoreError)) {
    const message = Error.isError(error) ? error.message : String(error);
    return new GrpcError(grpcStatus.internal, message, { cause: error });
  }
  const { status, message } =
    error.code === 'unavailable' ? unavailable(error) : wordings[error.code];
  return new GrpcError(status, message, { cause: error });
}

function unavailable({ message }: StoreError): Wording {
  return { status: grpcStatus.unavailable, message };
}
