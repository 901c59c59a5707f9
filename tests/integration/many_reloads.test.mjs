// A process that is told of changes all day: a thousand reloads with servers that come, drain and go leave no trace.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { freePort, startLimpet } from './limpet_process.mjs';
import { holdTunnels, privateMemory, startEcho } from './load_tool.mjs';
import { RawClient, get } from './wire.mjs';

const RELOADS = 1000;
const SETTLED = 200; // after so many reloads the allocator has what it needs
const TUNNELS = 200;
const SERVERS = 20;
const SLACK = 512 * 1024;

describe('a thousand reloads', { timeout: 240_000 }, () => {
  let port;
  let echo;
  let limpet;
  let tunnels;
  before(async () => {
    port = await freePort();
    echo = await startEcho(`127.0.0.1:${port}`);
    limpet = await startLimpet(configuration(0), { flags: ['--providers.file.watch=false', '--metrics.prometheus=true'] });
    tunnels = await holdTunnels(limpet.port, TUNNELS);
  });
  after(async () => {
    await tunnels?.stop();
    await limpet?.stop();
    await echo?.stop();
  });

  /** Of the servers, one is new with every reload and one is gone; router and service have new names each time. */
  function configuration(generation) {
    const server = (number) => ({ url: `http://127.0.0.1:${port}/number-${number}` });
    const app = (first, count) => ({
      loadBalancer: {
        servers: Array.from({ length: count }, (_, i) => server(first + i)),
        sticky: { cookie: { name: 'ws-session' } },
      },
    });
    return {
      http: {
        routers: {
          all: { rule: 'PathPrefix(`/`)', service: 'app', middlewares: ['limit'] },
          [`router-${generation}`]: { rule: `Host(\`site-${generation}.example\`)`, service: `service-${generation}` },
        },
        services: { app: app(generation, SERVERS), [`service-${generation}`]: app(generation, 2) },
        middlewares: { limit: { rateLimit: { average: 100_000 + generation, burst: 100_000 } } },
      },
    };
  }

  const appServers = async () => (await limpet.api('/api/servers')).filter(({ service }) => service === 'app@file');

  async function reload(generation) {
    writeFileSync(limpet.file, JSON.stringify(configuration(generation)));
    process.kill(limpet.pid, 'SIGHUP');
    const end = Date.now() + 10_000;
    for (;;) {
      const servers = await appServers();
      if (servers.some(({ url }) => url.endsWith(`/number-${generation + SERVERS - 1}`))) return servers;
      assert.ok(Date.now() < end, `reload ${generation} is not in force`);
    }
  }

  it('leave no memory behind, and no tunnel', async (t) => {
    assert.deepEqual([tunnels.open, tunnels.failures], [TUNNELS, 0]);
    const client = await RawClient.connect(limpet.port);
    let settled;
    for (let generation = 1; generation <= RELOADS; ++generation) {
      const servers = await reload(generation);
      if (generation % 5 === 0) await limpet.api(`/api/servers/${servers.at(-1).id}/drain`, { method: 'POST' });
      for (const host of ['any.example', `site-${generation}.example`]) {
        assert.equal((await client.write(get('/', '', host)).readResponse()).status, 200);
      }
      if (generation === SETTLED) settled = privateMemory(limpet.pid);
      if (generation % 100 === 0) t.diagnostic(`after ${generation}: ${(privateMemory(limpet.pid) / 1024).toFixed(0)} KiB`);
    }
    client.close();
    assert.deepEqual(await tunnels.round(), { count: TUNNELS, failures: 0 });
    assert.equal(await tunnels.close(), TUNNELS);
    tunnels = undefined;
    const growth = privateMemory(limpet.pid) - settled;
    assert.ok(growth < SLACK, `${(growth / 1024).toFixed(0)} KiB more than after ${SETTLED} reloads`);
  });
});
