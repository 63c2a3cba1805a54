import type { KindRest, WriteContext } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { keyPairProblem } from '#main/control-plane/apiserver/registry/secret/key-pair.ts';
import type { Secret } from '#shared/api/types/core-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** A certificate whose key is another's is stored, with a warning, as upstream does. */
export const secretRest: KindRest = {
  beginCreate: (context, draft) => warn(context, draft),
  beginUpdate: (context, draft) => warn(context, draft),
};

async function warn({ request }: WriteContext, object: KubeObject): Promise<undefined> {
  const { type, data = {} } = object as Secret;
  const { 'tls.crt': certificate, 'tls.key': key } = data;
  if (type !== 'kubernetes.io/tls' || certificate === undefined || key === undefined) return;
  const problem = keyPairProblem(Buffer.from(certificate, 'base64'), Buffer.from(key, 'base64'));
  if (problem !== undefined) request.warn(problem);
}
