// The chat page in Chromium: two windows chat, and choose their server by cookie.
//
// CHAT_URL       the page to open, for example a balancer in front of several chat servers; without it a
//                limpet-chat of the test's own
// CHAT_SERVERS   the servers behind the balancer, as it knows them (URL,URL); the test then moves between them
// CHAT_LIST      if set, the page finds out about them by itself
// CHROMIUM       the browser (default: /usr/bin/chromium)
// SCREENSHOT_DIR where to leave pictures of the page, if set
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startChat } from '../integration/chat_server.mjs';

const { chromium } = createRequire(new URL('../integration/package.json', import.meta.url))('playwright-core');

const BROWSER_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const DEADLINE_MS = 20_000;
// FNV-1a of it, computed by hand.
const SAMPLE = { url: 'http://172.20.0.2:3000', cookie: 'a3d52f0267943dcc' };

describe('chat page', { timeout: 120_000 }, () => {
  const balanced = Boolean(process.env.CHAT_URL);
  const behind = (process.env.CHAT_SERVERS ?? '').split(',').filter(Boolean);
  let server;
  let browser;
  let pageUrl;
  const complaints = [];

  /** A page of a window of its own, with its own cookies, once it is connected. */
  async function openWindow(colorScheme = 'light') {
    const context = await browser.newContext({ viewport: { width: 1200, height: 960 }, colorScheme });
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // a connection that a test breaks is the browser's to report
      if (message.type() === 'error' && !message.text().includes('WebSocket connection')) complaints.push(message.text());
    });
    await page.goto(pageUrl);
    await connected(page);
    return page;
  }
  const connected = (page) => page.locator('#status[data-state=connected]').waitFor();
  const ownId = (page) => page.locator('#clients button:disabled').getAttribute('data-id');
  const says = async (page, text) => {
    await page.fill('#message-input', text);
    await page.click('#send-form button');
  };
  const hears = (page, text) => page.locator('#messages .bubble', { hasText: text }).waitFor();
  async function picture(page, name) {
    if (process.env.SCREENSHOT_DIR) await page.screenshot({ path: join(process.env.SCREENSHOT_DIR, `${name}.png`) });
  }
  const serverUrl = (page) => page.locator('#server-url').textContent();
  const sessionCookie = async (page) =>
    (await page.context().cookies()).find(({ name }) => name === 'ws-session')?.value;

  /** Moves a page to a server of the list and waits until it is there. */
  async function goTo(page, url) {
    await page.click(`.server-pick[data-url="${url}"]`);
    await page.locator(`.server-pick[data-url="${url}"][aria-pressed=true]`).waitFor();
    await connected(page);
    assert.equal(await serverUrl(page), url);
  }

  before(async () => {
    if (!balanced) server = await startChat('limpet-chat', ['--name', 'rockpool']);
    const query = behind.length > 0 && !process.env.CHAT_LIST ? `?servers=${encodeURIComponent(behind.join(','))}` : '';
    pageUrl = (process.env.CHAT_URL ?? server.url) + query;
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: BROWSER_FLAGS });
  });
  after(async () => {
    await browser?.close();
    if (server) assert.equal(await server.stop(), 0);
  });

  it('shows the server, and computes cookie values', async () => {
    const page = await openWindow();
    if (!balanced) assert.equal(await page.locator('#server-name').textContent(), 'rockpool');
    assert.match(await serverUrl(page), /^http:\/\/[\w.[\]:]+:\d+$/);
    await page.fill('#url-input', SAMPLE.url);
    assert.equal(await page.locator('#url-hash').textContent(), SAMPLE.cookie);
    if (!balanced) {
      await page.click('#url-form button[type=submit]');
      await connected(page);
      assert.equal(await sessionCookie(page), SAMPLE.cookie);
      assert.equal(await page.locator('#cookie-value').textContent(), SAMPLE.cookie);
    }
    await page.context().close();
  });

  it('lets two windows on the same server chat', async () => {
    const [alice, bob] = [await openWindow(), await openWindow('dark')];
    if (balanced && behind.length > 0) {
      await goTo(alice, behind[0]);
      await goTo(bob, behind[0]);
    }
    assert.equal(await serverUrl(alice), await serverUrl(bob));
    const [aliceId, bobId] = [await ownId(alice), await ownId(bob)];
    await alice.locator(`#clients [data-id="${bobId}"]`).waitFor();
    await bob.locator(`#clients [data-id="${aliceId}"]`).waitFor();

    await says(alice, 'Is the tide out?');
    await hears(bob, 'Is the tide out?');
    await says(bob, 'Since six. <b>Holding on</b> 🐚');
    await hears(alice, 'Since six. <b>Holding on</b> 🐚');

    await alice.click(`#clients [data-id="${bobId}"]`);
    await says(alice, 'just between us');
    await hears(bob, 'just between us');

    for (const page of [alice, bob]) {
      await page.fill('#room-input', 'reef');
      await page.click('#room-form button');
    }
    await says(bob, 'down at the reef');
    await hears(alice, 'down at the reef');
    await picture(alice, 'chat-light');
    await picture(bob, 'chat-dark');

    await bob.context().close();
    await alice.locator(`#clients [data-id="${bobId}"]`).waitFor({ state: 'detached' });
    await alice.context().close();
  });

  it('moves to each server by its cookie, and stays there', { skip: behind.length === 0 }, async () => {
    const page = await openWindow();
    for (const url of [...behind, ...behind]) {
      await goTo(page, url);
      await page.reload();
      await connected(page);
      assert.equal(await serverUrl(page), url);
    }
    await page.context().close();
  });

  it('comes back when its server does', { skip: balanced }, async () => {
    const page = await openWindow();
    const { port } = new URL(server.url);
    await server.stop();
    await page.locator('#status', { hasText: 'reconnecting' }).waitFor();
    server = await startChat('limpet-chat', ['--name', 'new rockpool', '--port', port]);
    await page.locator('#server-name', { hasText: 'new rockpool' }).waitFor();
    await connected(page);
    await says(page, 'here again');
    await hears(page, 'here again');
    await page.context().close();
  });

  it('caused no errors in the page', () => assert.deepEqual(complaints, []));
});
