import { createInterface } from 'node:readline/promises';
import { stderr, stdin } from 'node:process';
import { Writable } from 'node:stream';
import { nobody, type Questions } from '#main/provision/ssh/questions.ts';

/** Asks whoever sits at the terminal; what is typed as a secret is not shown. */
export function terminalQuestions({ yes }: { readonly yes: boolean }): Questions {
  const ask = stdin.isTTY ? askThere : nobody;
  return yes ? { ...ask, confirm: async () => true } : ask;
}

const askThere: Questions = {
  async secret(text) {
    stderr.write(text);
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: stdin, output: silent, terminal: true });
    try {
      return await lines.question('');
    } finally {
      lines.close();
      stderr.write('\n');
    }
  },
  async confirm(text) {
    const lines = createInterface({ input: stdin, output: stderr });
    try {
      return /^y(es)?$/i.test((await lines.question(`${text}[y/N] `)).trim());
    } finally {
      lines.close();
    }
  },
};
