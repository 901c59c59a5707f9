// The dashboard in Chromium, with a service that scales: it is live, its controls work, and it fits a phone.
//
// CHROMIUM       the browser (default: /usr/bin/chromium)
// SCREENSHOT_DIR where to leave pictures of the page, if set
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, startLimpet, until } from '../integration/limpet_process.mjs';
import { openTunnel } from '../integration/named_server.mjs';

const { chromium } = createRequire(new URL('../integration/package.json', import.meta.url))('playwright-core');

const SERVER = fileURLToPath(new URL('../integration/scaled_server.mjs', import.meta.url));
const BROWSER_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const DEADLINE_MS = 20_000;
const PHONE = { width: 360, height: 740 };

async function configuration() {
  const first = await freePort();
  const process = {
    command: `'${globalThis.process.execPath}' '${SERVER}' {port}`, ports: `${first}-${first + 40}`, readyPath: '/',
  };
  const scaling = { min: 1, max: 4, headroom: 2, interval: '200ms', stabilisation: '1h', process };
  return {
    http: {
      routers: { all: { rule: 'PathPrefix(`/`)', service: 'app' } },
      services: { app: { loadBalancer: { sticky: { cookie: { name: 'ws-session' } }, capacity: 10, scaling } } },
    },
  };
}

describe('dashboard', { timeout: 120_000 }, () => {
  let limpet;
  let browser;
  let page;
  const tunnels = [];
  const complaints = [];

  async function openPage(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
    context.setDefaultTimeout(DEADLINE_MS);
    const opened = await context.newPage();
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('405')) complaints.push(message.text());
    });
    await opened.goto(`${limpet.admin}/`);
    await opened.locator('#link', { hasText: 'live' }).waitFor();
    return opened;
  }
  const picture = async (from, name) => {
    if (process.env.SCREENSHOT_DIR) await from.screenshot({ path: join(process.env.SCREENSHOT_DIR, `${name}.png`), fullPage: true });
  };
  const fact = (from, name, value) =>
    from.locator('.facts div').filter({ hasText: name }).locator('dd', { hasText: new RegExp(`^${value}$`) }).waitFor();
  const service = () => limpet.api('/api/scaling/app');

  before(async () => {
    limpet = await startLimpet(await configuration());
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: BROWSER_FLAGS });
    page = await openPage();
  });
  after(async () => {
    for (const { socket } of tunnels) socket.close();
    await browser?.close();
    await limpet?.stop();
  });

  it('follows a service as it grows, and says why', async () => {
    await fact(page, 'Ready', 1);
    for (let i = 0; i < 9; ++i) tunnels.push(await openTunnel(limpet.url));
    await fact(page, 'Ready', 2);
    await page.locator('.people', { hasText: '9 users on 20 seats' }).waitFor();
    await page.locator('.why', { hasText: /^want 2: 9 active/ }).waitFor();
    await page.getByRole('row', { name: /app-1 http/ }).getByText('9 / 10').waitFor();
    await page.getByText('Last decisions').click();
    await page.locator('.decisions .acts', { hasText: 'launch 1' }).first().waitFor();
    await picture(page, 'dashboard-light');
  });

  it('changes limits by the keyboard', async () => {
    await page.getByLabel('Servers from').focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('3');
    await page.keyboard.press('Enter');
    await fact(page, 'Ready', 3);
    assert.equal((await service()).changed.min, 3);
    assert.equal(await page.evaluate(() => document.activeElement.name), 'min');
    await page.getByLabel('Servers from').fill('4');
    await page.getByLabel('to', { exact: true }).fill('2');
    await page.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('alert').filter({ hasText: 'min' }).waitFor();
    assert.equal((await service()).min, 3);
    await page.getByRole('button', { name: 'As configured' }).click();
    await until('the limits of the configuration', async () => (await service()).changed.min === null);
    await until('the page to show them', async () => await page.getByLabel('Servers from').inputValue() === '1');
  });

  it('pauses and resumes', async () => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.why', { hasText: /^Paused/ }).waitFor();
    assert.equal((await service()).changed.paused, true);
    await page.getByRole('button', { name: 'Resume' }).click();
    await until('the end of the pause', async () => !(await service()).changed.paused);
  });

  it('drains a server and takes it back', async () => {
    const row = page.getByRole('row', { name: /app-1 http/ });
    await page.getByRole('button', { name: 'Drain app-1' }).click();
    await row.getByText('draining').waitFor();
    await row.getByText('9 / 10').waitFor();
    await page.getByRole('button', { name: 'Undrain app-1' }).click();
    await row.locator('.status:not(.draining)').waitFor();
    assert.ok(tunnels.every(({ socket }) => socket.readyState === socket.OPEN));
  });

  it('touches nothing that has not changed', async () => {
    const changes = await page.evaluate(async () => {
      let seen = 0;
      const counts = new MutationObserver((records) => {
        seen += records.filter(({ target }) => !(target.parentElement ?? target).closest('.decisions, .facts, .why, svg')).length;
      });
      counts.observe(document.body, { subtree: true, childList: true, characterData: true });
      await new Promise((resolve) => { setTimeout(resolve, 2500); });
      counts.disconnect();
      return seen;
    });
    // Of what counts up, as requests do, the text may change.
    assert.ok(changes <= 4, `${changes} changes`);
  });

  it('fits a phone, in the dark too', async () => {
    const phone = await openPage({ viewport: PHONE, colorScheme: 'dark', isMobile: true, hasTouch: true });
    await phone.getByRole('button', { name: 'Drain app-1' }).waitFor();
    assert.equal(await phone.getByRole('table').count(), 1);
    const [wide, back] = await phone.evaluate(() =>
      [document.scrollingElement.scrollWidth, getComputedStyle(document.body).backgroundColor]);
    assert.ok(wide <= PHONE.width, `${wide} pixels wide`);
    assert.notEqual(back, await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await picture(phone, 'dashboard-phone-dark');
    await phone.context().close();
    const dark = await openPage({ colorScheme: 'dark' });
    await picture(dark, 'dashboard-dark');
    await dark.context().close();
  });

  it('offers no changes where a proxy lets none pass', async () => {
    const guest = await openPage();
    await guest.route('**/api/**', (route) => (route.request().method() === 'GET' ? route.continue()
      : route.fulfill({ status: 405, body: 'Method Not Allowed' })));
    await guest.getByRole('button', { name: 'Drain app-1' }).click();
    await guest.locator('body.read-only').waitFor();
    assert.equal(await guest.getByRole('button', { name: /Drain|Set|Pause/ }).count(), 0);
    await guest.context().close();
  });

  it('says when Limpet is gone, and comes back with it', async () => {
    const other = await openPage();
    await other.route('**/api/**', (route) => route.abort());
    await other.locator('#link.lost', { hasText: 'no connection' }).waitFor();
    complaints.length = 0;
    await other.unroute('**/api/**');
    await other.locator('#link.live').waitFor();
    await other.context().close();
  });

  it('asks for the token that the API wants', async () => {
    const guarded = await startLimpet(await configuration(), { flags: ['--api.token=open sesame'] });
    try {
      const context = await browser.newContext();
      context.setDefaultTimeout(DEADLINE_MS);
      const guest = await context.newPage();
      await guest.goto(`${guarded.admin}/`);
      await guest.getByLabel(/asks for its token/).fill('open sesame');
      await guest.keyboard.press('Enter');
      await fact(guest, 'Ready', 1);
      assert.equal(await guest.locator('#login').isVisible(), false);
      await guest.getByRole('button', { name: 'Drain app-1' }).click();
      await guest.getByText('draining', { exact: true }).waitFor();
      await context.close();
    } finally {
      await guarded.stop();
    }
  });

  it('caused no errors in the page', () => assert.deepEqual(complaints, []));
});
