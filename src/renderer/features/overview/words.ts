/** Of the newest requests over the network; a dash while there have been none. */
export function p99Text(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return '–';
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`;
}

export const p99Title = 'Of the newest requests over the network, 99 in 100 took no longer';
