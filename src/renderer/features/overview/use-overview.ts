import { useKinds } from '../../app/kinds.ts';
import { useLiveTable, type LiveTable } from '../lists/live-table.ts';

/** The nodes of the cluster, live. */
export function useNodes(): LiveTable {
  const kinds = useKinds();
  return useLiveTable(() => {
    const kind = kinds.byId.get('nodes');
    return kind && { kind, namespace: '' };
  });
}
