import { endOf } from './select.ts';
import { StoreError, type Operation, type TxnRequest } from './store.ts';

/** etcd's defaults of `--max-txn-ops` and `--max-request-bytes`. */
const maxOperations = 128;
const maxRequestBytes = 1.5 * 1024 * 1024;

/** Throws what etcd refuses about a transaction whatever the store holds. */
export function checkTxn(request: TxnRequest): void {
  const bytes = checkShape(request, maxOperations);
  if (bytes > maxRequestBytes) {
    throw new StoreError('requestTooLarge', 'etcdserver: request is too large');
  }
  const { success = [], failure = [] } = request;
  if (success.length > 1 || hasTxn(success)) collectWrites(success);
  if (failure.length > 1 || hasTxn(failure)) collectWrites(failure);
}

/** Returns about how many bytes the request carries. */
function checkShape(request: TxnRequest, allowed: number): number {
  const { compare = [], success = [], failure = [] } = request;
  const operations = Math.max(compare.length, success.length, failure.length);
  if (operations > allowed) {
    throw new StoreError('tooManyOperations', 'etcdserver: too many operations in txn request');
  }
  let bytes = 0;
  for (const { key, value } of compare) {
    if (key === '') throw emptyKey();
    if (typeof value === 'object') bytes += value.byteLength;
  }
  for (const operation of success) bytes += checkOperation(operation, allowed - operations);
  for (const operation of failure) bytes += checkOperation(operation, allowed - operations);
  return bytes;
}

function checkOperation(operation: Operation, allowed: number): number {
  if (operation.type === 'txn') return checkShape(operation, allowed);
  if (operation.key === '') throw emptyKey();
  if (operation.type !== 'put') return operation.key.length;
  const { ignoreValue = false, ignoreLease = false, value, lease = 0n, key } = operation;
  if (ignoreValue && value.byteLength > 0) {
    throw new StoreError('valueProvided', 'etcdserver: value is provided');
  }
  if (ignoreLease && lease !== 0n) {
    throw new StoreError('leaseProvided', 'etcdserver: lease is provided');
  }
  return key.length + value.byteLength;
}

export function emptyKey(): StoreError {
  return new StoreError('emptyKey', 'etcdserver: key is not provided');
}

function hasTxn(operations: readonly Operation[]): boolean {
  return operations.some(({ type }) => type === 'txn');
}

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: { readonly from: string; readonly to: string | undefined }[];
}

/**
 * etcd lets no key be put twice, nor put and deleted, on one way through a transaction. The two
 * branches of a nested one exclude each other, so what they have in common is not a conflict.
 */
function collectWrites(operations: readonly Operation[]): Writes {
  const puts = new Set<string>();
  const deletes: Writes['deletes'] = [];
  for (const operation of operations) {
    if (operation.type !== 'delete') continue;
    const { key, rangeEnd } = operation;
    deletes.push({ from: key, to: rangeEnd === undefined ? `${key}\0` : endOf(rangeEnd) });
  }
  const claim = (key: string, except?: Set<string>): void => {
    if ((puts.has(key) && !except?.has(key)) || deletes.some((range) => covers(range, key))) {
      throw new StoreError('duplicateKey', 'etcdserver: duplicate key given in txn request');
    }
    puts.add(key);
  };
  for (const operation of operations) {
    if (operation.type !== 'txn') continue;
    const then = collectWrites(operation.success ?? []);
    const otherwise = collectWrites(operation.failure ?? []);
    for (const key of then.puts) claim(key);
    for (const key of otherwise.puts) claim(key, then.puts);
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const operation of operations) if (operation.type === 'put') claim(operation.key);
  return { puts, deletes };
}

function covers(range: Writes['deletes'][number], key: string): boolean {
  return key >= range.from && (range.to === undefined || key < range.to);
}
