import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { protocol } from 'electron';

const scheme = 'pilothouse';
const pageHost = 'app';
export const pageUrl = `${scheme}://${pageHost}/index.html`;

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  // Monaco writes style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Before the app is ready: pages of our scheme are a secure origin of their own. */
export function registerScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme, privileges }]);
}

/** Serves the built renderer from `folder`, and nothing else, with its policy as a header. */
export function serveAssets(folder: string): void {
  if (typeof protocol.handle === 'function') {
    protocol.handle(scheme, async ({ url }) => {
      const { status, headers, body } = await asset(folder, url);
      return new Response(body, { status, headers });
    });
    return;
  }
  // Electron before 25 knows only the older call.
  protocol.registerBufferProtocol(scheme, ({ url }, respond) => {
    void asset(folder, url).then(({ status, headers, body }) =>
      respond({
        statusCode: status,
        mimeType: headers['content-type']?.split(';')[0] ?? '',
        charset: 'utf-8',
        headers,
        data: Buffer.from(body),
      }),
    );
  });
}

interface Asset {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
}

async function asset(folder: string, url: string): Promise<Asset> {
  const { host, pathname } = new URL(url);
  const file = normalize(pathname).replace(/^[/\\.]+/, '');
  const headers = {
    'content-security-policy': policy,
    'content-type': contentTypes[extname(file)] ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
  };
  if (host !== pageHost) return { status: 404, headers, body: new Uint8Array() };
  try {
    return { status: 200, headers, body: new Uint8Array(await readFile(join(folder, file))) };
  } catch {
    // Whatever keeps the file from being read, the page learns only that it is not there.
    return { status: 404, headers, body: new Uint8Array() };
  }
}
