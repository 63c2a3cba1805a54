import type { ResourceClaim } from '#shared/api/types/resource-v1.ts';
import { AssumedObjects } from './assumed-objects.ts';
import type { Lister } from './listers.ts';

/** Devices that are chosen and not yet written; one for all profiles, so that none is given twice. */
export class ClaimLedger {
  readonly claims: AssumedObjects<ResourceClaim>;
  /** Uids of claims that are being allocated. */
  readonly pending = new Set<string>();

  constructor(claims: Lister<ResourceClaim>) {
    this.claims = new AssumedObjects(claims);
  }
}
