import type { ResourceResponse } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** A review is answered with itself and a status; it is never stored. */
export function answerReview(review: object, status: object): ResourceResponse {
  const { metadata } = review as KubeObject;
  const object = { ...review, metadata: { ...metadata, creationTimestamp: null }, status };
  return { type: 'object', code: 201, object };
}
