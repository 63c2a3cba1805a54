import { fromRange, fromTxn, toDelete, toPut, toRange, toTxn } from './conversion.ts';
import type { FaceContext } from './context.ts';
import {
  compactionRequest,
  deleteRequest,
  deleteResponse,
  headerOnly,
  putRequest,
  putResponse,
  rangeRequest,
  rangeResponse,
  txnRequest,
  txnResponse,
} from './messages.ts';
import { unary, type Method } from './server.ts';

export function keyValueMethods({ store, header }: FaceContext): Method[] {
  const service = '/etcdserverpb.KV/';
  return [
    unary(`${service}Range`, [rangeRequest, rangeResponse], async (request) => {
      const response = await store.range(toRange(request));
      return fromRange(response, header(response.revision));
    }),
    unary(`${service}Put`, [putRequest, putResponse], async (request) => {
      const { revision, responses } = await store.txn({ success: [toPut(request)] });
      const [put] = responses;
      return { header: header(revision), prevKv: put?.type === 'put' ? put.prevKv : undefined };
    }),
    unary(`${service}DeleteRange`, [deleteRequest, deleteResponse], async (request) => {
      const { revision, responses } = await store.txn({ success: [toDelete(request)] });
      const [removed] = responses;
      if (removed?.type !== 'delete') throw new Error('A deletion was answered as something else');
      return { header: header(revision), deleted: removed.deleted, prevKvs: removed.prevKvs };
    }),
    unary(`${service}Txn`, [txnRequest, txnResponse], async (request) => {
      const response = await store.txn(toTxn(request));
      return fromTxn(response, header(response.revision));
    }),
    unary(`${service}Compact`, [compactionRequest, headerOnly], async (request) => {
      await store.compact(request.revision, { physical: request.physical });
      return { header: header() };
    }),
  ];
}
