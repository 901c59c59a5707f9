// As many tunnels as one process may have descriptors for: what each costs, and that a reload touches none.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { freePort, oneService, startLimpet, until } from './limpet_process.mjs';
import { holdTunnels, privateMemory, startEcho } from './load_tool.mjs';

const WANTED = 9500;
const OTHER_DESCRIPTORS = 500;
const MOST_BYTES_PER_TUNNEL = 512;

const hardLimit = Number(/Max open files +\S+ +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
const TUNNELS = Math.min(WANTED, Math.floor((hardLimit - OTHER_DESCRIPTORS) / 2));

describe('many tunnels', { timeout: 240_000 }, () => {
  const echoes = [];
  let urls;
  let limpet;
  let tunnels;
  before(async () => {
    const port = await freePort();
    for (const host of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) echoes.push(await startEcho(`${host}:${port}`));
    urls = [2, 3, 4].map((host) => `http://127.0.0.${host}:${port}`);
    limpet = await startLimpet(oneService(urls.slice(0, 2)), { flags: ['--dataPath.threads=1'] });
  });
  after(async () => {
    await tunnels?.stop();
    await limpet?.stop();
    await Promise.all(echoes.map((echo) => echo.stop()));
  });

  const openTunnels = async () => (await limpet.api('/api/servers')).reduce((sum, server) => sum + server.tunnels, 0);

  it('cost at most 512 bytes each of the process\'s own memory while they are idle', async (t) => {
    // What is allocated once, for the first tunnels, is not theirs.
    await (await holdTunnels(limpet.port, 300)).close();
    await until('no tunnel', async () => await openTunnels() === 0);
    const before = privateMemory(limpet.pid);
    tunnels = await holdTunnels(limpet.port, TUNNELS);
    assert.deepEqual([tunnels.open, tunnels.failures], [TUNNELS, 0]);
    assert.equal(await openTunnels(), TUNNELS);
    const each = (privateMemory(limpet.pid) - before) / TUNNELS;
    t.diagnostic(`${TUNNELS} tunnels, ${each.toFixed(0)} bytes each`);
    assert.ok(each <= MOST_BYTES_PER_TUNNEL, `${each.toFixed(0)} bytes`);
  });

  it('carry a message each, before a reload and after it, and none is closed', async (t) => {
    assert.deepEqual(await tunnels.round(), { count: TUNNELS, failures: 0 });
    const before = privateMemory(limpet.pid);
    await limpet.reconfigure(oneService(urls));
    assert.deepEqual(await tunnels.round(), { count: TUNNELS, failures: 0 });
    assert.equal(await openTunnels(), TUNNELS);
    const growth = privateMemory(limpet.pid) - before;
    t.diagnostic(`${(growth / 1024).toFixed(0)} KiB more after the reload`);
    assert.ok(growth < 1024 * 1024, `${growth} bytes more`);
  });

  it('are not closed by a server that drains', async () => {
    const server = (await limpet.api('/api/servers')).find(({ url }) => url === urls[0]);
    assert.ok(server.tunnels > TUNNELS / 4);
    await limpet.api(`/api/servers/${server.id}/drain`, { method: 'POST' });
    assert.deepEqual(await tunnels.round(), { count: TUNNELS, failures: 0 });
    assert.equal(await tunnels.close(), TUNNELS);
    tunnels = undefined;
    await until('no tunnel', async () => await openTunnels() === 0);
  });
});
