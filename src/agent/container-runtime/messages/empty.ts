import { message } from '#shared/base/protobuf.ts';

/** Requests and answers without any field. */
export const empty = message({});
