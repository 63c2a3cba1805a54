import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import {
  isLinkLocalMulticast,
  isLinkLocalUnicast,
  isLoopback,
  isUnspecified,
  parseIp,
} from '#shared/kube/ip.ts';

/** An address that other machines can reach. */
export function* validateEndpointIp(address: string, field: string): Iterable<FieldError> {
  const ip = parseIp(address);
  if (!ip) {
    yield invalidValue(field, address, 'must be a valid IP address');
    return;
  }
  if (isUnspecified(ip)) {
    yield invalidValue(field, address, `may not be unspecified (${address})`);
  }
  if (isLoopback(ip)) {
    yield invalidValue(field, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  }
  if (isLinkLocalUnicast(ip)) {
    yield invalidValue(
      field,
      address,
      'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    );
  }
  if (isLinkLocalMulticast(ip)) {
    yield invalidValue(
      field,
      address,
      'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    );
  }
}
