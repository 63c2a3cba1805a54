import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startBrowser, violationsOf } from './browser.ts';
import { kubectlOn, type Kubectl } from './kubectl.ts';
import { startPilothouse, type Pilothouse, type PilothouseOptions } from './pilothouse.ts';

/** Where the pictures of a test run are kept for people to look at. */
const pictures = join(import.meta.dirname, '../../out/pictures');

/** Which of them stand in the README, and as what: `PILOTHOUSE_PICTURES=1` puts them there. */
const published: Readonly<Record<string, string>> = {
  'overview-wrong-light': 'overview',
  'panel-deployment-light': 'panel',
  'scheduling-refused-light': 'scheduling',
  'yaml-conflict-light': 'editor',
  'snapshots-light': 'snapshots',
  'policy-effect-light': 'policies',
  'add-node-plan-light': 'add-node',
};

export const schemes = ['light', 'dark'] as const;
export type Scheme = (typeof schemes)[number];

/** What a page is that everybody can read and reach, and of which nothing is cut off. */
export const flawless = { violations: [], cutOff: [] };

/** The window in a real browser on the real app, and kubectl beside it. */
export interface OpenWindow extends AsyncDisposable {
  readonly pilothouse: Pilothouse;
  readonly browser: Browser;
  readonly page: Page;
  readonly kubectl: Kubectl;
  /** What the page reported as an error, breaches of its own policy included. */
  readonly complaints: readonly string[];
  /** `kubectl create -f`; fails with what kubectl says. */
  create(object: object): Promise<void>;
  /** Goes to the section by its key, from wherever the focus is. */
  go(key: string): Promise<void>;
  /** Takes the picture and tells what not everybody could read or reach. */
  look(name: string, scheme: Scheme): Promise<object>;
}

export async function openWindow(options: PilothouseOptions = {}): Promise<OpenWindow> {
  mkdirSync(pictures, { recursive: true });
  const pilothouse = await startPilothouse({ ...options, window: true });
  const kubectl = kubectlOn('kubectl', pilothouse.kubeconfig);
  const browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(pilothouse.windowUrl!);
  await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
  return {
    pilothouse,
    browser,
    page,
    kubectl,
    complaints,
    async create(object) {
      const { code, stderr } = await kubectl(['create', '-f', '-'], JSON.stringify(object));
      if (code !== 0) throw new Error(`kubectl create: ${stderr}`);
    },
    async go(key) {
      await page.locator('body').click({ position: { x: 90, y: 600 } });
      await page.keyboard.press('g');
      await page.keyboard.press(key);
    },
    async look(name, scheme) {
      await page.emulateMedia({ colorScheme: scheme });
      const picture = join(pictures, `${name}-${scheme}.png`);
      await page.screenshot({ path: picture });
      const title = published[`${name}-${scheme}`];
      if (title && process.env['PILOTHOUSE_PICTURES'])
        copyFileSync(picture, join(pictures, `../../docs/pictures/${title}.png`));
      return { violations: await violationsOf(page), cutOff: await cutOffIn(page) };
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      await pilothouse[Symbol.asyncDispose]();
    },
  };
}

interface Box {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly tagName: string;
  readonly className: unknown;
}

/**
 * Elements of the stage that are wider inside than outside, but for what is there for listeners only, what
 * says the whole of it when it is pointed at, and an editor's text, which scrolls.
 */
function cutOffIn(page: Page): Promise<readonly string[]> {
  return page
    .locator('main, main *:not(.hidden, [title], .monaco-editor *)')
    .evaluateAll((elements) =>
      (elements as unknown as readonly Box[])
        .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
        .map(({ tagName, className }) => `${tagName}.${String(className)}`),
    );
}
