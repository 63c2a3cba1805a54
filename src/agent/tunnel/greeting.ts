import type { Duplex } from 'node:stream';

/** What an agent says first to whoever attaches to it. */
export interface Greeting {
  readonly node: string;
}

const mark = 'PILOTHOUSE-TUNNEL/1 ';
const longest = 4096;

export function greetingLine(greeting: Greeting): string {
  return `${mark}${JSON.stringify(greeting)}\n`;
}

/** Takes the first line off the stream. Throws with what was said instead of a greeting. */
export async function readGreeting(stream: Duplex): Promise<Greeting> {
  let text = Buffer.alloc(0);
  const { promise, resolve, reject } = Promise.withResolvers<Greeting>();
  const fail = (): void => {
    const said = text.toString().trim();
    reject(
      new Error(said ? `the machine said "${said}" instead of an agent` : 'the agent said nothing'),
    );
  };
  const take = (chunk: Buffer): void => {
    text = Buffer.concat([text, chunk]);
    const end = text.indexOf('\n');
    if (end < 0) {
      if (text.length > longest) fail();
      return;
    }
    const line = text.subarray(0, end).toString();
    if (!line.startsWith(mark)) return fail();
    stream.pause();
    stream.off('data', take);
    if (end + 1 < text.length) stream.unshift(text.subarray(end + 1));
    resolve(JSON.parse(line.slice(mark.length)) as Greeting);
  };
  stream.on('data', take);
  stream.once('error', reject);
  stream.once('close', fail);
  try {
    return await promise;
  } finally {
    stream.off('data', take);
    stream.off('error', reject);
    stream.off('close', fail);
  }
}
