import { connect } from 'node:net';

/**
 * `client.ts HOST:PORT RATE`: opens RATE new connections a second, evenly, and asks each for a page.
 * Every second a line of JSON says what came of those that ended; SIGTERM ends it once all have.
 */

interface Counts {
  answered: number;
  /** By the answer's first line. */
  readonly by: Record<string, number>;
  slowestMs: number;
  /** With when they were asked. */
  readonly lost: { readonly at: number; readonly why: string }[];
}

const [target = '', rate = '100'] = process.argv.slice(2);
const [host = '', port = '80'] = target.split(':');
/** Longer than a lost packet's second chance, shorter than anybody's patience. */
const deadlineMs = 10_000;
const everyMs = 1000 / Number(rate);

let counts = fresh();
let open = 0;
let isStopping = false;
let due = performance.now();

function fresh(): Counts {
  return { answered: 0, by: {}, slowestMs: 0, lost: [] };
}

function ask(): void {
  const [startedAt, at] = [performance.now(), Date.now()];
  open++;
  let answer = '';
  let failure = '';
  const socket = connect({ host, port: Number(port) });
  const deadline = setTimeout(() => {
    failure = 'no answer in time';
    socket.destroy();
  }, deadlineMs);
  socket.once('connect', () => socket.write(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`));
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.once('error', (error) => (failure ||= error.message));
  socket.once('close', () => {
    clearTimeout(deadline);
    open--;
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const isWhole = / 200 /.test(head) && body.endsWith('\n');
    if (!isWhole) counts.lost.push({ at, why: failure || `answered "${head}"` });
    else {
      const who = body.trim();
      counts.answered++;
      counts.by[who] = (counts.by[who] ?? 0) + 1;
      counts.slowestMs = Math.max(counts.slowestMs, Math.round(performance.now() - startedAt));
    }
    if (isStopping && open === 0) finish();
  });
}

function tell(): void {
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  counts = fresh();
}

function finish(): void {
  tell();
  process.exit(0);
}

/** What a busy machine made late is made up for, yet not in one burst. */
const asking = setInterval(() => {
  for (let left = 10; left > 0 && due <= performance.now(); left--, due += everyMs) ask();
}, 5);
setInterval(tell, 1000);
process.once('SIGTERM', () => {
  isStopping = true;
  clearInterval(asking);
  if (open === 0) finish();
});
