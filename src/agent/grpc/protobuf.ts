import { createProtobuf } from '#shared/base/protobuf.ts';

export const { encode, decode } = createProtobuf<Buffer>(Buffer);
