import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Kubectl } from '../support/kubectl.ts';
import { deployment } from '../support/objects.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** YAML as people edit it: help while they type, the server's answer beside it, conflicts, and no lost text. */

let window: OpenWindow;
let page: Page;
let kubectl: Kubectl;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 1 });
  ({ page, kubectl } = window);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  page.setDefaultTimeout(10_000);
  await window.create(deployment('web', { cpu: '100m' }));
});
afterAll(() => window?.[Symbol.asyncDispose]());

const dock = (): Locator => page.getByRole('region', { name: 'Dock' });
const state = (text: RegExp | string): Locator =>
  dock().getByRole('status').filter({ hasText: text, visible: true });
const side = (name: string): Locator =>
  dock().getByRole('region', { name }).filter({ visible: true });
const tab = (name: string): Promise<void> => dock().getByRole('tab', { name }).click();
const apply = (): Promise<void> =>
  dock().getByRole('button', { name: 'Apply' }).filter({ visible: true }).click();

/** Asks again, as a person would, where the schema came later than the letters. */
async function suggested(text: string): Promise<void> {
  const entry = page.locator('.suggest-widget').getByText(text);
  await expect
    .poll(async () => {
      await entry.waitFor({ timeout: 1500 }).catch(() => page.keyboard.press('Control+Space'));
      return await entry.count();
    })
    .toBeGreaterThan(0);
}

/** Opens the object's YAML from its list, by keyboard. */
async function edit(kind: string, name: string, key: string): Promise<void> {
  await window.go(key);
  await page.getByRole('tab', { name: kind, exact: true }).click();
  await page.getByLabel('Filter').fill(name);
  await page.getByRole('row', { name: new RegExp(name) }).waitFor();
  await page.getByLabel(`${kind} list`).focus();
  await page.keyboard.press('j');
  await page.keyboard.press('e');
  await state('As it is in the cluster').waitFor();
}

/** The open editor's text, as its model has it. */
const written = (): Promise<string> =>
  dock()
    .locator('.view-lines')
    .filter({ visible: true })
    .first()
    .evaluate((lines) =>
      // Spaces are drawn as ones that do not break.
      (lines as unknown as { innerText: string }).innerText.replaceAll('\u00a0', ' '),
    );

/** Finds the text as people do, which selects it. */
async function find(line: string): Promise<void> {
  await dock().locator('.view-lines').filter({ visible: true }).first().click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('Control+f');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
}

async function endOf(line: string): Promise<void> {
  await find(line);
  await page.keyboard.press('End');
}

/** Puts the text in the place of all that is there. */
async function write(text: string): Promise<void> {
  await dock().locator('.view-lines').filter({ visible: true }).first().click();
  await page.keyboard.press('Control+a');
  await page.evaluate((copied) => {
    const { navigator } = globalThis as unknown as { navigator: WithClipboard };
    return navigator.clipboard.writeText(copied);
  }, text);
  await page.keyboard.press('Control+v');
}

interface WithClipboard {
  readonly clipboard: { writeText(text: string): Promise<void> };
}

async function closeTab(): Promise<void> {
  await dock().getByRole('tab', { selected: true }).filter({ hasText: 'yaml' }).press('Delete');
}

describe('an object that is there', () => {
  beforeAll(() => edit('Deployment', 'web', 'w'));

  test('help comes while one types, though a diff was closed before', async () => {
    await endOf('replicas: 2');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('4');
    await side('Diff').getByText('would change: spec.replicas').waitFor();
    await tab('Docs');
    await endOf('replicas: 4');
    await page.keyboard.press('Enter');
    await page.keyboard.type('min');
    await suggested('minReadySeconds');
    await page.keyboard.press('Escape');
    expect(window.complaints).toEqual([]);
    await tab('Diff');
    await dock().getByRole('button', { name: 'Start over' }).click();
    await state('As it is in the cluster').waitFor();
  });

  test('a change is shown as the server would make it, before it is made', async () => {
    await endOf('replicas: 2');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('3 # more');
    await side('Diff').getByText('would change: spec.replicas').waitFor();
    await dock().getByRole('tab', { name: 'yaml web*' }).waitFor();
    const { stdout } = await kubectl([
      'get',
      'deployment',
      'web',
      '-o',
      'jsonpath={.spec.replicas}',
    ]);
    expect(stdout).toBe('2');
  });

  test.each(schemes)('can be read by everybody in %s', async (scheme) => {
    expect(await window.look('yaml', scheme)).toEqual(flawless);
  });

  test('a field that somebody else owns is a conflict, decided row by row', async () => {
    const conflicts = side('Conflicts');
    await conflicts
      .getByRole('row', { name: /spec.replicas owned by kubectl\S* theirs 2 mine 3/ })
      .waitFor();
    expect(await dock().getByRole('button', { name: 'Apply' }).isEnabled()).toBe(false);
    expect(await window.look('yaml-conflict', 'light')).toEqual(flawless);
    await conflicts.getByRole('button', { name: 'Take over' }).click();
    await apply();
    await page.getByText('Deployment default/web changed: spec.replicas').waitFor();
    await state('As it is in the cluster').waitFor();
    const owners = await kubectl([
      'get',
      'deployment',
      'web',
      '--show-managed-fields',
      '-o',
      'jsonpath={.spec.replicas} {.metadata.managedFields[?(@.manager=="pilothouse")].fieldsV1}',
    ]);
    expect(owners.stdout).toBe('3 {"f:spec":{"f:replicas":{}}}');
    expect(await written()).toContain('# more');
  });

  test('theirs may be kept: the text says so, comments stay', async () => {
    await endOf('image: nginx');
    await page.keyboard.type(':1 # pinned');
    const conflicts = side('Conflicts');
    await conflicts.getByRole('button', { name: 'Keep theirs' }).click();
    await expect.poll(written).toMatch(/image: nginx # pinned/);
    await expect.poll(() => conflicts.count()).toBe(0);
  });

  test('what happens meanwhile is told and worked in', async () => {
    await endOf('replicas: 3');
    await kubectl(['annotate', 'deployment', 'web', 'example.com/note=changed']);
    const bar = dock().getByText(/Changed by kubectl-annotate .* ago: 1 field/);
    await bar.waitFor();
    expect(await window.look('yaml-moved', 'dark')).toEqual(flawless);
    await bar.getByRole('button', { name: 'Rebase' }).click();
    await expect.poll(() => bar.count()).toBe(0);
    await expect.poll(written).toMatch(/example.com\/note: changed/);
    expect(await written()).toMatch(/# pinned/);
  });

  test('typed text outlives a reload', async () => {
    await page.reload();
    await dock()
      .getByText(/Typed .* ago and kept/)
      .waitFor();
    await find('# pinned');
    expect(await written()).toMatch(/# pinned/);
    await dock().getByRole('button', { name: 'Show what is in the cluster' }).click();
    await state('As it is in the cluster').waitFor();
    expect(await written()).not.toMatch(/# pinned/);
  });

  test('a field of somebody else is taken out, too', async () => {
    await endOf('example.com/note: changed');
    await page.keyboard.press('Shift+Home');
    await page.keyboard.press('Shift+Home');
    await page.keyboard.press('Backspace');
    await side('Diff')
      .getByText(/taken from others: .metadata.annotations.example.com\/note/)
      .waitFor();
    await apply();
    await state('As it is in the cluster').waitFor();
    const { stdout } = await kubectl([
      'get',
      'deployment',
      'web',
      '-o',
      'jsonpath={.metadata.annotations}',
    ]);
    expect(stdout).not.toContain('example.com/note');
  });

  test('deleted while it is edited: the text stays and makes it anew', async () => {
    await find('replicas: 3');
    await page.keyboard.type('replicas: 1');
    await kubectl(['delete', 'deployment', 'web']);
    await dock()
      .getByText(/web has been deleted. Your text is kept/)
      .waitFor();
    await state(/would change/).waitFor();
    await apply();
    await page.getByText('Deployment default/web created').waitFor();
    const { stdout } = await kubectl([
      'get',
      'deployment',
      'web',
      '-o',
      'jsonpath={.spec.replicas}',
    ]);
    expect(stdout).toBe('1');
    await closeTab();
  });
});

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ships.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'ships', singular: 'ship', kind: 'Ship' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['captain'],
                properties: {
                  captain: { type: 'string', description: 'Who has the last word on board.' },
                  sail: { type: 'string', enum: ['jib', 'main'] },
                },
              },
            },
          },
        },
      },
    ],
  },
};

describe('a manifest of one’s own', () => {
  beforeAll(async () => {
    await window.create(definition);
    await kubectl(['wait', '--for=condition=Established', 'crd/ships.example.com']);
  });
  beforeEach(async () => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('new configmap');
    await page.getByRole('option', { name: /^New ConfigMap/ }).waitFor();
    await page.keyboard.press('Enter');
    await state(/field.* would change|As it is/).waitFor();
  });

  test('a custom kind is completed and explained from the cluster’s own schema', async () => {
    await write('apiVersion: example.com/v1\nkind: Ship\nmetadata:\n  name: beagle\nspec:\n  ');
    await page.keyboard.type('cap');
    await suggested('captain');
    await page.keyboard.press('Enter');
    await page.keyboard.type('FitzRoy');
    await page.keyboard.press('Enter');
    await page.keyboard.type('sail: ');
    await suggested('jib');
    await page.keyboard.press('Escape');
    await page.keyboard.type('j');
    await suggested('jib');
    await page.keyboard.press('Enter');
    await tab('Docs');
    await endOf('captain');
    await side('Docs').getByText('Who has the last word on board.').waitFor();
    await tab('Diff');
    await side('Diff').getByText('would be created').waitFor();
    await apply();
    const { stdout } = await kubectl(['get', 'ship', 'beagle', '-o', 'jsonpath={.spec}']);
    expect(JSON.parse(stdout)).toEqual({ captain: 'FitzRoy', sail: 'jib' });
    await closeTab();
  });

  test.each([
    ['a tab', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n', /indented with spaces/],
    ['a key twice', 'apiVersion: v1\nkind: ConfigMap\nkind: Secret\n', /twice/],
    [
      'an open quote',
      'apiVersion: v1\nkind: "ConfigMap\nmetadata:\n  name: x\n',
      /Missing closing/,
    ],
    [
      'bad indentation',
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n namespace: y\n',
      /ndentation|aligned/,
    ],
    ['no map', '- just\n- a list\n', /An object is a map/],
    ['no kind', 'metadata:\n  name: x\n', /apiVersion and kind is missing/],
    ['an unknown kind', 'apiVersion: v1\nkind: Pot\nmetadata:\n  name: x\n', /serves no Pot in v1/],
    [
      'an unknown field',
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containres: []\n  containers: []\n',
      /no field containres here; did you mean containers/,
    ],
    [
      'a wrong type',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  replicas: two\n',
      /a whole number is wanted here, not the string "two"/,
    ],
    [
      'no such value',
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  type: Public\n',
      /"Public" is none of ClusterIP/,
    ],
    [
      'something that only the server knows',
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n',
      /a lowercase RFC 1123 subdomain/,
    ],
  ])('%s is shown where it stands', async (_name, text, message) => {
    await write(text);
    await tab('Problems');
    await side('Problems').getByText(message).first().waitFor();
    await expect
      .poll(() => dock().locator('.squiggly-error').filter({ visible: true }).count())
      .toBeGreaterThan(0);
    await tab('Diff');
    await closeTab();
  });

  test('several objects are applied in their order', async () => {
    const map = (name: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  a: b\n`;
    await write(`${map('one')}---\n# the second\n${map('two')}`);
    const objects = side('Diff').getByRole('tab');
    await expect.poll(() => objects.count()).toBe(2);
    await apply();
    await page.getByText('ConfigMap two created').waitFor();
    const { stdout } = await kubectl(['get', 'configmap', 'one', 'two', '-o', 'name']);
    expect(stdout.trim().split('\n')).toEqual(['configmap/one', 'configmap/two']);
    await closeTab();
  });
});

describe('what if', () => {
  const question = (): Locator => dock().getByRole('region', { name: 'Where the pods would go' });

  test('a manifest says where its pods would go, and nothing becomes real', async () => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('new deployment');
    await page.getByRole('option', { name: /^New Deployment/ }).waitFor();
    await page.keyboard.press('Enter');
    await dock().getByRole('button', { name: 'What if' }).filter({ visible: true }).click();
    await question().getByText('2 of 2 pods find a place: simulated-1 2.').waitFor();
    await question().getByRole('button', { name: 'default/web-1' }).press('Enter');
    await question().getByRole('region', { name: 'Decision about default/web-1' }).waitFor();
    const { stdout } = await kubectl(['get', 'deployment', '-o', 'name']);
    expect(stdout).not.toContain('web-1');
  });

  test('a node that is drained, and one more', async () => {
    await question().getByLabel('simulated-1').selectOption('is drained');
    await question()
      .getByText(/0 of \d pods find a place/)
      .waitFor();
    await dock().getByRole('button', { name: 'Suppose one more node' }).click();
    const moved = question().getByText(/(\d) of \1 pods find a place: another-simulated-1 \1/);
    await expect.poll(() => moved.count()).toBe(1);
  });

  test.each(schemes)('can be read by everybody in %s', async (scheme) => {
    expect(await window.look('what-if', scheme)).toEqual(flawless);
  });
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
