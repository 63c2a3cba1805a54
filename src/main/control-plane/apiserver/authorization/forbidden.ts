import type {
  Attributes,
  Decision,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** The refusal of a request, in upstream's words. */
export function forbiddenRequest(attributes: Attributes, { reason, errors }: Decision): ApiError {
  const { apiGroup, resource, name } = attributes;
  const why = [(errors ?? []).join(', '), reason].filter(Boolean).join(': ');
  const sentence = sanitize(sentenceOf(attributes));
  const subject = resource && (apiGroup ? `${resource}.${apiGroup}` : resource);
  const what = subject && name ? `${subject} ${quote(name)}` : subject;
  const message = `${what ? `${what} is forbidden` : 'forbidden'}: ${sentence}`;
  return new ApiError('Forbidden', why ? `${message}: ${why}` : message, {
    details: {
      ...(name && { name }),
      ...(apiGroup && { group: apiGroup }),
      ...(resource && { kind: resource }),
    },
  });
}

function sentenceOf(attributes: Attributes): string {
  const { user, verb, path, resource, subresource, apiGroup, namespace } = attributes;
  const who = `User ${quote(user.name)} cannot ${verb}`;
  if (!attributes.isResourceRequest) return `${who} path ${quote(path)}`;
  const what = quote(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${quote(namespace)}` : 'at the cluster scope';
  return `${who} resource ${what} in API group ${quote(apiGroup)} ${where}`;
}

/** No message of the server looks like HTML. */
function sanitize(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function quote(text: string): string {
  return JSON.stringify(text);
}
