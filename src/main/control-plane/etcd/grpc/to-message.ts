import type {
  Compare,
  KeyValue,
  Operation,
  OperationResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../store.ts';
import {
  compareResults,
  compareTargets,
  sortTargets,
  type compare,
  type header,
  type keyValue,
  type rangeRequest,
  type rangeResponse,
  type RequestOperation,
  type ResponseOperation,
  type TxnRequestMessage,
  type TxnResponseMessage,
} from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';

/** The store's requests as etcd's messages, and its answers read: the client's side. */

export function rangeMessage(request: RangeRequest): Partial<MessageOf<typeof rangeRequest>> {
  const { sortBy = 'key', descending = false, ...rest } = request;
  // Ascending by key is what comes without asking.
  const sortOrder = descending ? 2 : sortBy === 'key' ? 0 : 1;
  return {
    ...rest,
    rangeEnd: rest.rangeEnd ?? '',
    sortOrder,
    sortTarget: sortTargets.indexOf(sortBy),
  };
}

export function txnMessage({
  compare = [],
  success = [],
  failure = [],
}: TxnRequest): TxnRequestMessage {
  return {
    compare: compare.map(compareMessage) as TxnRequestMessage['compare'],
    success: success.map(operationMessage),
    failure: failure.map(operationMessage),
  };
}

function operationMessage(operation: Operation): RequestOperation {
  const message: Record<string, unknown> = {};
  switch (operation.type) {
    case 'put':
      message['put'] = operation;
      break;
    case 'range':
      message['range'] = rangeMessage(operation);
      break;
    case 'delete':
      message['delete'] = operation;
      break;
    case 'txn':
    default:
      message['txn'] = txnMessage(operation);
  }
  return message as unknown as RequestOperation;
}

const valueFields = {
  version: 'version',
  create: 'createRevision',
  mod: 'modRevision',
  value: 'value',
  lease: 'lease',
} as const;

function compareMessage(one: Compare): Partial<MessageOf<typeof compare>> {
  const { key, rangeEnd = '', target, result, value } = one;
  return {
    key,
    rangeEnd,
    target: compareTargets.indexOf(target),
    result: compareResults.indexOf(result),
    [valueFields[target]]: target === 'lease' ? BigInt(value as number | bigint) : value,
  };
}

type Missing<T> = Partial<T> | undefined;

export function revisionOf(message: Missing<MessageOf<typeof header>>): number {
  return message?.revision ?? 0;
}

export function readKeyValue(message: Missing<MessageOf<typeof keyValue>>): KeyValue | undefined {
  // All fields are there in a message that was read.
  return message as KeyValue | undefined;
}

export function readRange(
  message: Partial<MessageOf<typeof rangeResponse>>,
  revision: number,
): RangeResponse {
  const { kvs = [], count = 0, more = false } = message;
  return { kvs: kvs as readonly KeyValue[], count, more, revision };
}

export function readTxn(message: Partial<TxnResponseMessage>, revision: number): TxnResponse {
  const { succeeded = false, responses = [] } = message;
  return { succeeded, responses: responses.map((one) => readOperation(one, revision)), revision };
}

function readOperation(message: ResponseOperation, revision: number): OperationResponse {
  const { put, range, delete: removed, txn } = message;
  if (put) {
    const prevKv = readKeyValue(put.prevKv);
    return prevKv ? { type: 'put', prevKv } : { type: 'put' };
  }
  if (range) return { type: 'range', ...readRange(range, revisionOf(range.header)) };
  if (removed) {
    const { deleted = 0, prevKvs = [] } = removed;
    return { type: 'delete', deleted, prevKvs: prevKvs as readonly KeyValue[] };
  }
  if (txn) return { type: 'txn', ...readTxn(txn, revision) };
  throw new Error('A transaction was answered with something unknown');
}
