import { bool, int64, message, nested, repeated, text, textMap } from '#shared/base/protobuf.ts';
import { imageSpec, int64Value } from './common.ts';
import { podSandboxConfig } from './sandbox.ts';

/** Images. Field numbers as in the CRI, runtime.v1. */

export const imageFilter = message({
  image: nested(1, imageSpec),
});
export const listImagesRequest = message({
  filter: nested(1, imageFilter),
});
export const image = message({
  id: text(1),
  repoTags: repeated(text(2)),
  repoDigests: repeated(text(3)),
  size: int64(4),
  uid: nested(5, int64Value),
  username: text(6),
  spec: nested(7, imageSpec),
  pinned: bool(8),
});
export const listImagesResponse = message({
  images: repeated(nested(1, image)),
});
export const imageStatusRequest = message({
  image: nested(1, imageSpec),
  verbose: bool(2),
});
export const imageStatusResponse = message({
  image: nested(1, image),
  info: textMap(2),
});
export const authConfig = message({
  username: text(1),
  password: text(2),
  auth: text(3),
  serverAddress: text(4),
  identityToken: text(5),
  registryToken: text(6),
});
export const pullImageRequest = message({
  image: nested(1, imageSpec),
  auth: nested(2, authConfig),
  sandboxConfig: nested(3, podSandboxConfig),
});
export const pullImageResponse = message({
  imageRef: text(1),
});
export const removeImageRequest = message({
  image: nested(1, imageSpec),
});
