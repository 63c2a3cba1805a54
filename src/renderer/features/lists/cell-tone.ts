export type CellTone = 'plain' | 'attention' | 'bad';

const stateColumns = new Set(['Status', 'Phase', 'Type', 'State']);
const bad = /Error|BackOff|Failed|Evicted|OOM|Lost|Invalid|Cannot|Denied/;
const attention =
  /^(Pending|ContainerCreating|PodInitializing|Init:|Terminating|NotReady|Unknown|Released|Warning|SchedulingDisabled|Suspended)|SchedulingGated/;

/** What a cell of the server's table says about how things are. */
export function cellTone(column: string, text: string): CellTone {
  if (column === 'Ready') return isShort(text) ? 'attention' : 'plain';
  if (!stateColumns.has(column)) return 'plain';
  if (bad.test(text)) return 'bad';
  return attention.test(text) || text.includes('SchedulingDisabled') ? 'attention' : 'plain';
}

/** Beside the colour, for those who see none. */
export const toneMarks = { plain: '', attention: ' !', bad: ' ✗' } as const;

/** `1/2`: fewer than there should be. */
function isShort(text: string): boolean {
  const [, has = '', wanted = ''] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  return Number(has) < Number(wanted);
}
