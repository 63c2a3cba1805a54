import { acceptedProbes, refusedProbes, type Probe } from './facts.ts';
import { MissingState, send } from './in-process.ts';
import { play } from './player.ts';

/** `node test/api-facts/report.ts [resource]`: how many answers agree, and the ones that do not. */
const wanted = process.argv[2];
const limit = Number(process.argv[3] ?? 25);
let missing = 0;
const totals = new Map<
  string,
  { same: number; reordered: number; different: Probe[]; shown: string[] }
>();

for (const probe of [...refusedProbes, ...acceptedProbes]) {
  if (wanted && probe.resource !== wanted) continue;
  // Admission is a server's business.
  if (probe.expected.status === 403) continue;
  const total = totals.get(probe.resource) ?? { same: 0, reordered: 0, different: [], shown: [] };
  totals.set(probe.resource, total);
  let text: string;
  try {
    const { actual, verdict } = await play(probe, send);
    if (verdict === 'same') {
      total.same++;
      continue;
    }
    if (verdict === 'reordered') {
      total.reordered++;
      if (!wanted) continue;
    }
    text = `${verdict}: ${JSON.stringify(actual.causes ?? actual)}`.slice(0, 400);
    if (verdict === 'reordered') {
      total.shown.push(
        `${probe.base} ${probe.verb} ${JSON.stringify(probe.patch).slice(0, 200)}\n    want ${probe.expected.status} ${JSON.stringify(probe.expected.causes)}\n    got  ${text}`,
      );
      continue;
    }
  } catch (error) {
    if (error instanceof MissingState) {
      missing++;
      continue;
    }
    text = error instanceof Error ? (error.stack ?? '').slice(0, 300) : '';
  }
  total.different.push(probe);
  total.shown.push(
    `${probe.base} ${probe.verb} ${JSON.stringify(probe.patch).slice(0, 200)}\n    want ${probe.expected.status} ${JSON.stringify(probe.expected.causes ?? '').slice(0, 300)}\n    got  ${text}`,
  );
}
let same = 0,
  reordered = 0,
  different = 0;
for (const [resource, total] of [...totals].sort(
  (a, b) => a[1].different.length - b[1].different.length,
)) {
  same += total.same;
  reordered += total.reordered;
  different += total.different.length;
  console.log(
    `${String(total.different.length).padStart(5)} differ ${String(total.reordered).padStart(4)} reordered ${String(total.same).padStart(5)} same  ${resource}`,
  );
  if (wanted) for (const line of total.shown.slice(0, limit)) console.log(line);
}
console.log({ same, reordered, different, missing });
