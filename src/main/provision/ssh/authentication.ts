import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2, { type AnyAuthMethod, type AuthenticationType, type BaseAgent } from 'ssh2';
import type { Questions } from '#main/provision/ssh/questions.ts';
import { describeTarget, type SshTarget } from '#main/provision/ssh/target.ts';

/** With what to log in; tried in this order. */
export interface Credentials {
  /** A private key's file; then no other key is tried. */
  readonly identity?: string | undefined;
  /** An agent's socket. */
  readonly agent?: string | undefined;
  /** Where the user's usual keys are. */
  readonly keyFolder?: string | undefined;
}

/** Servers end the connection after a few keys that do not fit. */
const maxAgentKeys = 5;
const maxPasswords = 3;
const usualKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

export interface Attempts {
  /** The next way to log in that the server would take, or nothing. */
  next(accepted: readonly string[] | undefined): Promise<AnyAuthMethod | undefined>;
  /** What has been tried, for the message when nothing fitted. */
  readonly tried: readonly string[];
}

export function attempts(
  target: SshTarget,
  credentials: Credentials,
  questions: Questions,
): Attempts {
  const tried: string[] = [];
  let accepted: readonly string[] = [];
  const ways = waysToLogIn(target, credentials, questions, tried);
  return {
    tried,
    async next(now) {
      accepted = now ?? accepted;
      for (;;) {
        const { value, done } = await ways.next();
        if (done) return undefined;
        // Servers do not say what they take before the first attempt.
        if (accepted.length === 0 || accepted.includes(wireName(value.type))) return value;
      }
    },
  };
}

async function* waysToLogIn(
  target: SshTarget,
  { identity, agent, keyFolder }: Credentials,
  questions: Questions,
  tried: string[],
): AsyncGenerator<AnyAuthMethod, undefined> {
  const username = target.user;
  yield { type: 'none', username };
  if (identity !== undefined) {
    tried.push(`the key ${identity}`);
    yield { type: 'publickey', username, ...(await openKey(identity, questions)) };
  } else {
    if (agent !== undefined) {
      tried.push('the SSH agent');
      yield { type: 'agent', username, agent: fewKeysOf(agent) };
    }
    for (const name of keyFolder === undefined ? [] : usualKeys) {
      const path = join(keyFolder!, name);
      const text = await readFile(path).catch(() => undefined); // most have but one of them
      if (!text) continue;
      tried.push(`the key ${path}`);
      yield { type: 'publickey', username, ...(await openKey(path, questions)) };
    }
  }
  for (let left = maxPasswords; left > 0; left--) {
    const password = await questions.secret(`Password of ${describeTarget(target)}: `);
    if (password === undefined) break;
    if (left === maxPasswords) tried.push('a password');
    yield { type: 'password', username, password };
  }
  tried.push('questions');
  yield {
    type: 'keyboard-interactive',
    username,
    prompt: (...[, instructions, , prompts, finish]) => {
      void answer(instructions, prompts, questions).then(finish);
    },
  };
  return undefined;
}

async function answer(
  instructions: string,
  prompts: readonly { readonly prompt: string }[],
  questions: Questions,
): Promise<string[]> {
  const answers: string[] = [];
  for (const { prompt } of prompts) {
    const text = [instructions, prompt].filter(Boolean).join('\n');
    answers.push((await questions.secret(text)) ?? '');
  }
  return answers;
}

/** Asks for the passphrase where the key has one. */
async function openKey(
  path: string,
  questions: Questions,
): Promise<{ readonly key: Buffer; readonly passphrase?: string }> {
  const text = await readFile(path).catch((cause: Error) => {
    throw new Error(`Cannot read the key ${path}: ${cause.message}`, { cause });
  });
  const parsed = ssh2.utils.parseKey(text);
  if (!(parsed instanceof Error)) return { key: text };
  if (!/encrypted|passphrase/i.test(parsed.message))
    throw new Error(`Cannot use the key ${path}: ${parsed.message}`, { cause: parsed });
  const passphrase = await questions.secret(`Passphrase of the key ${path}: `);
  if (passphrase === undefined)
    throw new Error(
      `The key ${path} has a passphrase: add it to an SSH agent, or run this in a terminal`,
    );
  const opened = ssh2.utils.parseKey(text, passphrase);
  if (opened instanceof Error)
    throw new Error(`The passphrase does not open the key ${path}: ${opened.message}`, {
      cause: opened,
    });
  return { key: text, passphrase };
}

function fewKeysOf(socket: string): BaseAgent {
  const agent = ssh2.createAgent(socket);
  const all = agent.getIdentities.bind(agent);
  agent.getIdentities = (done) => {
    all((error, keys) => done(error, keys?.slice(0, maxAgentKeys)));
  };
  return agent;
}

function wireName(type: AuthenticationType): string {
  return type === 'agent' ? 'publickey' : type;
}
