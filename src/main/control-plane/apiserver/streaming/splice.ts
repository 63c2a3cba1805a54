import type { Duplex } from 'node:stream';
import type { HttpAnswer, Upgraded } from '#main/control-plane/apiserver/streaming/http-call.ts';

/** Two connections become one; when either ends or breaks, so does the other. */
export function splice(left: Duplex, right: Duplex): void {
  join(left, right);
  join(right, left);
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.once('close', () => to.destroy());
}

/** Gives the answer to an upgrade back as it came, and what follows it, too. */
export function passBack(client: Duplex, answer: HttpAnswer | Upgraded): void {
  client.write(headOf(answer));
  if ('socket' in answer) {
    if (answer.head.length > 0) client.write(answer.head);
    splice(client, answer.socket);
    return;
  }
  answer.body.on('error', () => client.destroy());
  client.on('error', () => answer.body.destroy());
  answer.body.pipe(client);
}

function headOf({ code, rawHeaders }: HttpAnswer | Upgraded): string {
  const lines = [`HTTP/1.1 ${code} ${phrases[code] ?? 'Refused'}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    // The body is passed on in one piece up to the end of the connection.
    if (name.toLowerCase() === 'transfer-encoding') continue;
    lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const phrases: Readonly<Record<number, string>> = {
  101: 'Switching Protocols',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
