import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** Network policies as a person asks about them: does it pass, who decides, what would an edit do. */

let window: OpenWindow;
let page: Page;

function app(name: string, port: number, replicas = 2): object {
  const labels = { app: name };
  const containers = [{ name: 'main', image: 'nginx', ports: [{ containerPort: port }] }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

function policy(name: string, spec: object): object {
  const metadata = { name, namespace: 'shop' };
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec };
}

const from = (name: string) => [{ podSelector: { matchLabels: { app: name } } }];
const only = (name: string) => ({ podSelector: { matchLabels: { app: name } } });

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 2 });
  ({ page } = window);
  page.setDefaultTimeout(30_000);
  const { create, kubectl } = window;
  await kubectl(['create', 'namespace', 'shop']);
  await kubectl(['create', 'namespace', 'monitoring']);
  for (const each of [app('web', 8080), app('api', 9090), app('db', 5432, 1)]) await create(each);
  await create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', namespace: 'monitoring', labels: { app: 'probe' } },
    spec: { containers: [{ name: 'main', image: 'nginx' }] },
  });
  await create(policy('default-deny', { podSelector: {}, policyTypes: ['Ingress'] }));
  await create(
    policy('api-from-web', {
      ...only('api'),
      ingress: [{ from: from('web'), ports: [{ port: 9090 }] }],
    }),
  );
  await create(
    policy('db-from-api', {
      ...only('db'),
      ingress: [
        { from: from('api'), ports: [{ port: 5432 }] },
        { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 5432 }] },
      ],
    }),
  );
  await window.go('p');
  await page.getByRole('button', { name: /^db 1/ }).waitFor();
});
afterAll(() => window?.[Symbol.asyncDispose]());

describe('asking', () => {
  test('what passes names the rule that lets it through, on both sides', async () => {
    await page.getByRole('button', { name: /^api 2/ }).click();
    await page.getByRole('button', { name: /^db 1/ }).click();
    await expect
      .poll(() => page.getByRole('spinbutton', { name: 'Port' }).inputValue())
      .toBe('5432');
    await page.getByText('✓ passes').waitFor();
    const verdicts = page.getByLabel('Verdicts');
    await verdicts.getByText(/allowed no policy is about what is leaving here/).waitFor();
    expect(await verdicts.innerText()).toMatch(/allowed by db-from-api, ingress rule 1/);
  });

  test('what is denied says who isolates, and what each rule lacks', async () => {
    await page.getByRole('combobox', { name: 'From' }).fill('monitoring/probe');
    await page.getByText('✗ does not pass').waitFor();
    const verdicts = page.getByLabel('Verdicts');
    expect(await verdicts.innerText()).toMatch(
      /denied selected by db-from-api and default-deny, no rule matches/,
    );
    expect(await verdicts.innerText()).toContain(
      'db-from-api, ingress rule 1 does not match where it comes from',
    );
  });

  test('an address is a side, too; nonsense says so', async () => {
    await page.getByRole('combobox', { name: 'From' }).fill('192.0.2.9');
    await page.getByText('✓ passes').waitFor();
    await page.getByRole('combobox', { name: 'From' }).fill('nobody');
    await page.getByText('“nobody” is no group, no namespace/pod and no address').waitFor();
    await page.getByRole('combobox', { name: 'From' }).fill('shop/web');
    await page.getByText('✗ does not pass').waitFor();
    await page.getByRole('img', { name: /shop\/web to shop\/db: ✗ TCP 5432/ }).waitFor();
    expect(await page.getByText(/is no group/).count()).toBe(0);
  });

  test.each(schemes)('everybody can read it in %s, and nothing is cut off', async (scheme) => {
    await page.getByRole('button', { name: /^db-from-api/ }).click();
    await page.getByRole('button', { name: /db 1 pods selected/ }).waitFor();
    await page.getByRole('img', { name: /shop\/api to shop\/db: TCP 5432/ }).waitFor();
    expect(await window.look('policies', scheme)).toEqual(flawless);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
  });
});

describe('editing', { timeout: 120_000 }, () => {
  const editor = () => page.getByRole('complementary', { name: /policy/i });
  const effect = () => page.getByRole('region', { name: 'Effect' });
  const line = (text: RegExp) => effect().getByRole('listitem').filter({ hasText: text });

  /** Finds the text as people do, which selects it. */
  async function find(text: string): Promise<void> {
    const lines = editor().locator('.view-lines');
    await lines.waitFor({ timeout: 30_000 });
    await lines.click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Control+f');
    await page.keyboard.press('Control+a');
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
  }

  test('what opens and closes is said by name before it is applied, and then is so', async () => {
    await page.getByRole('button', { name: /^db-from-api/ }).click();
    await find('app: api');
    await page.keyboard.type('app: web');
    await line(/opens.*web → shop\/db\s+on TCP 5432/).waitFor();
    await line(/closes.*api → shop\/db\s+on TCP 5432/).waitFor();
    await editor().getByRole('status').filter({ hasText: '1 conflict to decide' }).waitFor();
    for (const scheme of schemes)
      expect(await window.look('policy-effect', scheme)).toEqual(flawless);
    // Whoever made it owns it: taking a field over is somebody's decision.
    const conflicts = editor().getByRole('region', { name: 'Conflicts' });
    await conflicts.getByText('kubectl-create').waitFor();
    expect(await page.getByRole('button', { name: 'Apply policy' }).isDisabled()).toBe(true);
    await conflicts.getByRole('button', { name: 'Take over' }).click();
    await page.getByRole('button', { name: 'Apply policy' }).click();
    await page.getByText('✓ passes').waitFor();
    await expect.poll(allowed).toBe('web');
  });

  const allowed = async (): Promise<string> => {
    const path = '{.spec.ingress[0].from[0].podSelector.matchLabels.app}';
    const asked = ['get', 'networkpolicy', '-n', 'shop', 'db-from-api', '-o', `jsonpath=${path}`];
    return (await window.kubectl(asked)).stdout;
  };

  test('completion knows the fields of a policy', async () => {
    await find('policyTypes:');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('  egr');
    const entry = page.locator('.suggest-widget').getByText('egress');
    await expect
      .poll(async () => {
        await entry.waitFor({ timeout: 1500 }).catch(() => page.keyboard.press('Control+Space'));
        return await entry.count();
      })
      .toBeGreaterThan(0);
    await page.keyboard.press('Escape');
  });

  test('a text that is no policy cannot be applied and says why', async () => {
    await find('kind:');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('kind: Pod');
    await page.getByText('It should be a NetworkPolicy of networking.k8s.io/v1').waitFor();
    expect(await page.getByRole('button', { name: 'Apply policy' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Undo edits' }).click();
    await editor().getByRole('status').filter({ hasText: 'As it is in the cluster' }).waitFor();
  });

  test('one that is deleted while it is edited keeps its text, and can be had again', async () => {
    await find('app: db');
    await page.keyboard.type('app: api');
    await window.kubectl(['delete', 'networkpolicy', '-n', 'shop', 'db-from-api']);
    await editor()
      .getByText(/has been deleted\. Your text is kept/)
      .waitFor();
    await editor().getByRole('status').filter({ hasText: 'would change' }).waitFor();
    await page.getByRole('button', { name: 'Apply policy' }).click();
    const path = 'jsonpath={.spec.podSelector.matchLabels.app}';
    const selected = ['get', 'networkpolicy', '-n', 'shop', 'db-from-api', '-o', path];
    await expect.poll(async () => (await window.kubectl(selected)).stdout).toBe('api');
    await find('app: api');
    await page.keyboard.type('app: db');
    await editor().getByRole('status').filter({ hasText: '1 field would change' }).waitFor();
    await page.getByRole('button', { name: 'Apply policy' }).click();
    await expect.poll(async () => (await window.kubectl(selected)).stdout).toBe('db');
  });

  test('a deletion names what it opens', async () => {
    await page.getByRole('button', { name: 'Delete …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/shop\/web → shop\/db closes on TCP 5432/).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
  });
});

test('many groups become a matrix', { timeout: 60_000 }, async () => {
  const { create, kubectl } = window;
  await kubectl(['create', 'namespace', 'many']);
  const many = Array.from({ length: 62 }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p-${index}`, namespace: 'many', labels: { app: `p-${index}` } },
    spec: { containers: [{ name: 'main', image: 'nginx' }] },
  }));
  await create({ apiVersion: 'v1', kind: 'List', items: many });
  const matrix = page.getByRole('application', { name: /Matrix of groups/ });
  await matrix.waitFor();
  await matrix.focus();
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight', 'Enter'])
    await page.keyboard.press(key);
  await expect
    .poll(() => page.getByRole('combobox', { name: 'From' }).inputValue())
    .toBe('many/p-1');
  expect(await window.look('policy-matrix', 'dark')).toMatchObject({ violations: [] });
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
