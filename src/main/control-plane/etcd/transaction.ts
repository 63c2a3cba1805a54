import type { Head } from './head.ts';
import { maxPlaces } from './journal/records.ts';
import { endOf, select } from './select.ts';
import {
  StoreError,
  type Compare,
  type DeleteRequest,
  type KeyValue,
  type Operation,
  type OperationResponse,
  type PutRequest,
  type RangeRequest,
  type StoreEvent,
  type TxnRequest,
  type TxnResponse,
} from './store.ts';

const nothing: Uint8Array = Buffer.alloc(0);
const plainPut: OperationResponse = Object.freeze({ type: 'put' });

/** One transaction being decided on the newest state; one object serves them all in turn. */
export interface Decision {
  readonly head: Head;
  /** The newest revision before this transaction. */
  revision: number;
  /** Where its changes go. */
  events: StoreEvent[];
  /** How many were there before. */
  firstEvent: number;
  readonly rules: Rules;
  /** Ranges that ask for the past: filled in once the transaction is done. */
  past: PastRange[];
}

export interface Rules {
  readonly hasLease: (id: bigint) => boolean;
  /** Throws if the past at this revision cannot be read. */
  readonly checkPast: (revision: number) => void;
  /** Throws if nothing can be written now. */
  readonly admit: () => void;
}

export interface PastRange {
  readonly request: RangeRequest;
  readonly responses: OperationResponse[];
  readonly index: number;
  /** The store's revision when the operation was reached. */
  readonly at: number;
}

/** What a transaction will do: its branch, and those of the ones nested in it. */
interface Path {
  readonly succeeded: boolean;
  readonly operations: readonly Operation[];
  /** One for each nested transaction, in order. */
  readonly nested: readonly Path[];
}

/**
 * Decides a transaction that `checkTxn` has passed. All compares, nested ones too, see the state
 * before it; operations see what those before them did. Throws before anything has changed.
 */
export function decide(decision: Decision, request: TxnRequest): TxnResponse {
  const path = choose(decision.head, request);
  checkPath(decision, path);
  return perform(decision, path);
}

const noPaths: readonly Path[] = [];

function choose(head: Head, request: TxnRequest): Path {
  const { compare, success = [], failure = [] } = request;
  let succeeded = true;
  if (compare) {
    for (const one of compare) {
      if (holds(head, one)) continue;
      succeeded = false;
      break;
    }
  }
  const operations = succeeded ? success : failure;
  let nested = noPaths;
  for (const operation of operations) {
    if (operation.type === 'txn') nested = [...nested, choose(head, operation)];
  }
  return { succeeded, operations, nested };
}

function holds(head: Head, compare: Compare): boolean {
  const { key, rangeEnd } = compare;
  if (rangeEnd === undefined) return matches(compare, head.get(key));
  const kvs = head.collect(key, endOf(rangeEnd));
  // Of a range without keys only what can be said of an absent key holds.
  if (kvs.length === 0) return matches(compare, undefined);
  return kvs.every((kv) => matches(compare, kv));
}

function matches({ target, result, value }: Compare, kv: KeyValue | undefined): boolean {
  if (target === 'value') {
    // A key that is not there has no value, not an empty one.
    return kv !== undefined && fulfils(result, Buffer.compare(kv.value, asBytes(value)));
  }
  const actual = kv === undefined ? 0 : numberOf(target, kv);
  const wanted = asNumber(value);
  return fulfils(result, actual < wanted ? -1 : actual > wanted ? 1 : 0);
}

function numberOf(target: Exclude<Compare['target'], 'value'>, kv: KeyValue): number | bigint {
  switch (target) {
    case 'mod':
      return kv.modRevision;
    case 'create':
      return kv.createRevision;
    case 'version':
      return kv.version;
    case 'lease':
      return kv.lease;
    default:
      return unknown(target);
  }
}

function fulfils(result: Compare['result'], order: number): boolean {
  switch (result) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    default:
      return unknown(result);
  }
}

function unknown(what: never): never {
  throw new Error(`Cannot compare by ${String(what)}`);
}

function asBytes(value: Compare['value']): Uint8Array {
  return typeof value === 'object' ? value : nothing;
}

function asNumber(value: Compare['value']): number | bigint {
  return typeof value === 'object' ? 0 : value;
}

function checkPath(decision: Decision, { operations, nested }: Path): void {
  const { rules, head } = decision;
  for (const operation of operations) {
    if (operation.type === 'range' && operation.revision && operation.revision > 0) {
      rules.checkPast(operation.revision);
    }
    if (operation.type === 'put' || operation.type === 'delete') rules.admit();
    if (operation.type === 'put') checkPut(decision, operation);
    if (operation.type === 'delete' && operation.rangeEnd !== undefined) {
      const keys = head.count(operation.key, endOf(operation.rangeEnd));
      if (keys >= maxPlaces) {
        throw new StoreError('requestTooLarge', `Cannot delete ${keys} keys at once`);
      }
    }
  }
  for (const path of nested) checkPath(decision, path);
}

function checkPut({ head, rules }: Decision, put: PutRequest): void {
  if ((put.ignoreValue || put.ignoreLease) && head.get(put.key) === undefined) {
    throw new StoreError('keyNotFound', 'etcdserver: key not found');
  }
  if (put.lease !== undefined && put.lease !== 0n && !rules.hasLease(put.lease)) {
    throw new StoreError('leaseNotFound', 'etcdserver: requested lease not found');
  }
}

function perform(decision: Decision, { succeeded, operations, nested }: Path): TxnResponse {
  const responses: OperationResponse[] = [];
  let next = 0;
  for (const operation of operations) {
    switch (operation.type) {
      case 'put':
        responses.push(put(decision, operation));
        break;
      case 'delete':
        responses.push(remove(decision, operation));
        break;
      case 'range':
        responses.push(range(decision, operation, responses));
        break;
      case 'txn':
        responses.push({ type: 'txn', ...perform(decision, nested[next++]!) });
        break;
    }
  }
  return { succeeded, responses, revision: revisionNow(decision) };
}

function revisionNow({ events, firstEvent, revision }: Decision): number {
  return events.length > firstEvent ? revision + 1 : revision;
}

function put(decision: Decision, request: PutRequest): OperationResponse {
  const { head, revision, events } = decision;
  const prevKv = head.get(request.key);
  const kv: KeyValue = {
    key: prevKv ? prevKv.key : request.key,
    value: request.ignoreValue ? prevKv!.value : request.value,
    createRevision: prevKv ? prevKv.createRevision : revision + 1,
    modRevision: revision + 1,
    version: prevKv ? prevKv.version + 1 : 1,
    lease: request.ignoreLease ? prevKv!.lease : (request.lease ?? 0n),
  };
  const event: StoreEvent = prevKv ? { type: 'put', kv, prevKv } : { type: 'put', kv };
  events.push(event);
  head.decide(event);
  return request.prevKv && prevKv ? { type: 'put', prevKv } : plainPut;
}

function range(
  decision: Decision,
  request: RangeRequest,
  responses: OperationResponse[],
): OperationResponse {
  const revision = revisionNow(decision);
  if (request.revision && request.revision > 0) {
    decision.past.push({ request, responses, index: responses.length, at: revision });
    return { type: 'range', kvs: [], count: 0, more: false, revision };
  }
  const { kvs, count, more } = select(decision.head, request, revision);
  return { type: 'range', kvs, count, more, revision };
}

function remove(decision: Decision, request: DeleteRequest): OperationResponse {
  const { head, revision, events } = decision;
  const { key, rangeEnd, prevKv = false } = request;
  const found = rangeEnd === undefined ? head.get(key) : undefined;
  const doomed =
    rangeEnd === undefined ? (found ? [found] : []) : head.collect(key, endOf(rangeEnd));
  for (const kv of doomed) {
    const event = tombstone(kv, revision + 1);
    events.push(event);
    head.decide(event);
  }
  return { type: 'delete', deleted: doomed.length, prevKvs: prevKv ? doomed : [] };
}

export function tombstone(prevKv: KeyValue, modRevision: number): StoreEvent {
  const kv: KeyValue = {
    key: prevKv.key,
    value: nothing,
    createRevision: 0,
    modRevision,
    version: 0,
    lease: 0n,
  };
  return { type: 'delete', kv, prevKv };
}
