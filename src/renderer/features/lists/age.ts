/** `5d3h`, `42s`: as kubectl writes ages. */
export function ageOf(created: string | number, now: number): string {
  const at = typeof created === 'number' ? created : Date.parse(created);
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  if (Number.isNaN(seconds)) return '–';
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(seconds / 3600);
  const days = Math.floor(seconds / 86_400);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return pair(Math.floor(days / 365), 'y', days % 365, 'd');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** Columns that tell the time since something, which goes on while nothing changes. */
export function isAge(column: string): boolean {
  return column === 'Age' || column === 'Last Seen';
}
