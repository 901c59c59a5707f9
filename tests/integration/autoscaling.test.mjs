// Servers that Limpet starts and stops by itself, as users come and go, without one being cut.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, visit } from './named_server.mjs';

const SERVER = fileURLToPath(new URL('scaled_server.mjs', import.meta.url));
const PATIENCE_MS = 30_000;

let running = [];
const keep = (thing) => { running.push(thing); return thing; };
afterEach(async () => { await stopAll(running.splice(0).reverse()); });

/** A service whose servers are Node processes with ten seats each, that scales fast. */
async function scaled(scaling, process = {}, more = {}) {
  const first = await freePort();
  return {
    http: {
      routers: { all: { rule: 'PathPrefix(`/`)', service: 'app' } },
      services: {
        app: {
          loadBalancer: {
            sticky: { cookie: { name: 'ws-session' } },
            capacity: 10,
            ...more,
            scaling: {
              min: 1, max: 4, target: 0.8, headroom: 2, interval: '100ms', stabilisation: '1s', ...scaling,
              process: {
                command: `'${globalThis.process.execPath}' '${SERVER}' {port}`,
                ports: `${first}-${first + 40}`,
                readyPath: '/',
                ...process,
              },
            },
          },
        },
      },
    },
  };
}

const start = async (...settings) => keep(await startLimpet(await scaled(...settings)));
const pool = (limpet) => limpet.api('/api/scaling/app');
const ready = (limpet, count) => until(`${count} servers to be ready`, async () => {
  const now = await pool(limpet);
  return now.ready === count && now.starting === 0 && now;
}, PATIENCE_MS);
/** Everything that has happened to users: how many were cut, and with which codes. */
function follow(tunnels) {
  const cut = [];
  for (const { socket } of tunnels) socket.on('close', (code) => { if (!socket.left) cut.push(code); });
  return cut;
}
const leave = (tunnel) => { tunnel.socket.left = true; tunnel.socket.close(); };
const childrenOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const isAlive = (pid) => existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe('the process driver', () => {
  it('has as many servers as users need, and cuts nobody when it takes them away', async () => {
    const limpet = await start({});
    await ready(limpet, 1);
    const users = [];
    for (let i = 0; i < 25; ++i) {
      users.push(await until('a seat', async () => {
        const user = await openTunnel(limpet.url);
        return user.status === 101 && user;
      }, PATIENCE_MS));
    }
    const cut = follow(users);
    const grown = await until('servers for all', async () => {
      const now = await pool(limpet);
      return now.ready >= 3 && now;
    }, PATIENCE_MS);
    assert.match(grown.decisions.find(({ acts }) => acts).why, /^want \d+: .*launch \d/);
    assert.ok(grown.servers.every(({ connections }) => connections <= 10));
    assert.equal(grown.servers.reduce((sum, { connections }) => sum + connections, 0), 25);

    const stays = users.slice(-1);
    for (const user of users.slice(0, -1)) leave(user);
    const small = await until('one server and perhaps one that drains', async () => {
      const now = await pool(limpet);
      return now.ready === 1 && now.stopping === 0 && now.servers.length <= 2 && now;
    }, PATIENCE_MS);
    assert.ok(small.totals.drains >= 1);
    assert.deepEqual(cut, []);
    const echo = once(stays[0].socket, 'message');
    stays[0].socket.send('still here');
    assert.equal(String((await echo)[0]), 'still here');

    leave(stays[0]);
    await until('one server', async () => (await pool(limpet)).servers.length === 1, PATIENCE_MS);
    const metrics = await (await fetch(`${limpet.admin}/metrics`)).text().catch(() => '');
    if (metrics) assert.match(metrics, /limpet_scaling_servers\{service="app@file",state="ready"\} 1/);
  });

  it('closes who is left at the drain deadline with 1012', async () => {
    const limpet = await start({ drain: '500ms', closeWindow: '1s', headroom: 0, max: 2 });
    await ready(limpet, 1);
    const users = [];
    const alone = await until('a user on the second server', async () => {
      const user = await openTunnel(limpet.url);
      if (user.status !== 101) return false;
      users.push(user);
      return user.server !== users[0].server && user;
    }, PATIENCE_MS);
    const closed = once(alone.socket, 'close');
    const others = users.filter((user) => user !== alone);
    const cut = follow(others);
    for (const user of others.slice(3)) leave(user);
    assert.equal((await closed)[0], 1012);
    await until('one server', async () => (await pool(limpet)).servers.length === 1, PATIENCE_MS);
    assert.deepEqual(cut, []);
    assert.equal((await pool(limpet)).totals.closedConnections, 1);
  });

  it('runs no server while nobody is there, and holds the first user until one is ready', async () => {
    const limpet = await start({ min: 0 });
    assert.equal((await pool(limpet)).servers.length, 0);
    const user = await openTunnel(limpet.url);
    assert.equal(user.status, 101);
    assert.match((await pool(limpet)).decisions.find(({ acts }) => acts).why, /1 waiting/);
    leave(user);
    await until('no server', async () => (await pool(limpet)).servers.length === 0, PATIENCE_MS);
  });

  it('replaces a server that was killed', async () => {
    const limpet = await start({ min: 2 }, { command: `'${process.execPath}' '${SERVER}' {port} fork` });
    await ready(limpet, 2);
    const [pid] = /pids (\d+)/.exec(await until('its pid', () => /app-1: pids.*/.exec(limpet.log())?.[0])).slice(1);
    process.kill(Number(pid), 'SIGKILL');
    await until('the loss to be noticed', async () => (await pool(limpet)).trouble.includes('killed by SIGKILL'));
    await ready(limpet, 2);
    assert.equal((await visit(limpet)).status, 200);
  });

  it('leaves no process behind, not even when Limpet is killed, or its keepers with it', async () => {
    for (const [signal, takesKeepers] of [['SIGTERM'], ['SIGKILL'], ['SIGKILL', true]]) {
      const limpet = await start({}, { command: `'${process.execPath}' '${SERVER}' {port} fork stubborn`, stopTimeout: '300ms' });
      await ready(limpet, 1);
      const line = await until('the pids', () => /pids (\d+) (\d+) (\d+)/.exec(limpet.log()));
      const pids = line.slice(1).map(Number);
      assert.ok(pids.every(isAlive));
      const keepers = takesKeepers ? childrenOf(limpet.pid) : [];
      assert.equal(keepers.length, takesKeepers ? 1 : 0);
      for (const pid of [limpet.pid, ...keepers]) process.kill(pid, signal);
      await limpet.exited;
      await until(`all to end after ${signal}`, () => !pids.some(isAlive), PATIENCE_MS);
    }
  });

  it('says what is wrong with a command that does not work, and waits longer each time', async () => {
    const limpet = await start({}, { command: 'no-such-program-at-all {port}' }, { queueTimeout: '100ms' });
    const failed = await until('two failures', async () => {
      const now = await pool(limpet);
      // The next decision after a failure says why nothing is launched.
      return now.failedLaunches >= 2 && /since a launch failed/.test(now.why) && now;
    }, PATIENCE_MS);
    assert.match(failed.trouble, /app-1 ended: exit status 127, its last line: can't start no-such-program-at-all: No such file/);
    assert.notEqual(failed.retryIn, '0s');
    assert.equal((await visit(limpet)).status, 503);
  });

  it('says so if a server is not ready in time', async () => {
    const limpet = await start({}, { command: 'sleep 1000', readyTimeout: '200ms' });
    await until('the failure', async () => (await pool(limpet)).trouble.includes('was not ready within 200ms'));
  });

  it('moves users to a new command without cutting one', async () => {
    const limpet = await start({ min: 2 }, { env: { GREETING: 'old' } });
    await ready(limpet, 2);
    const user = await openTunnel(limpet.url);
    assert.match(user.server, /^app-\d old$/);
    const cut = follow([user]);
    await limpet.reconfigure(await scaled({ min: 2 }, { env: { GREETING: 'new' } }));
    await until('new users on new servers', async () => {
      const { server } = await visit(limpet);
      return server?.endsWith('new');
    }, PATIENCE_MS);
    await until('only the one with a user to be left of the old', async () =>
      (await pool(limpet)).servers.filter(({ current }) => !current).length === 1, PATIENCE_MS);
    const echo = once(user.socket, 'message');
    user.socket.send('still here');
    assert.equal(String((await echo)[0]), 'still here');
    assert.deepEqual(cut, []);
    leave(user);
    await until('the old ones to be gone', async () =>
      (await pool(limpet)).servers.every(({ current }) => current), PATIENCE_MS);
  });

  it('follows what people change by the API until it is taken back', async () => {
    const limpet = await start({});
    await ready(limpet, 1);
    const change = (query) => limpet.api(`/api/scaling/app?${query}`, { method: 'POST' });
    assert.equal((await change('min=3')).changed.min, 3);
    await ready(limpet, 3);
    await change('paused=true&min=default');
    const refused = await fetch(`${limpet.admin}/api/scaling/app?min=9`, { method: 'POST' });
    assert.equal(refused.status, 400);
    assert.match((await refused.json()).message, /min: expected at most max, which is 4, got 9/);
    assert.equal((await pool(limpet)).ready, 3);
    await change('paused=false');
    await until('one server', async () => (await pool(limpet)).servers.length === 1, PATIENCE_MS);
    assert.equal((await fetch(`${limpet.admin}/api/scaling/none`)).status, 404);
  });

  it('lets servers end with their users when the service is scaled no more', async () => {
    const limpet = await start({ min: 2 });
    await ready(limpet, 2);
    const user = await openTunnel(limpet.url);
    const cut = follow([user]);
    await limpet.reconfigure({ http: {} });
    await until('the empty one to end', async () => (await pool(limpet)).servers.length === 1, PATIENCE_MS);
    const echo = once(user.socket, 'message');
    user.socket.send('still here');
    assert.equal(String((await echo)[0]), 'still here');
    assert.deepEqual(cut, []);
    leave(user);
    await until('the last one to end', async () => (await limpet.api('/api/scaling')).length === 0, PATIENCE_MS);
  });
});

describe('the webhook driver', () => {
  it('tells what is wanted until it is taken, and counts servers that are discovered', async () => {
    const bodies = [];
    let refusals = 1;
    const hook = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      response.statusCode = refusals-- > 0 ? 500 : 204;
      if (response.statusCode === 204) bodies.push({ token: request.headers['x-token'], ...JSON.parse(text) });
      response.end();
    });
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    keep({ stop: () => new Promise((done) => { hook.close(done); hook.closeAllConnections(); }) });
    const servers = [keep(await startNamed('one')), keep(await startNamed('two'))];
    const settings = (urls) => ({
      http: {
        routers: { all: { rule: 'PathPrefix(`/`)', service: 'app' } },
        services: {
          app: {
            loadBalancer: {
              servers: urls.map((url) => ({ url })),
              scaling: {
                min: 1, max: 3, capacity: 10, headroom: 2, interval: '100ms', stabilisation: '1s',
                webhook: { url: `http://127.0.0.1:${hook.address().port}/hook`, headers: { 'X-Token': 'secret' } },
              },
            },
          },
        },
      },
    });
    const limpet = keep(await startLimpet(settings([])));
    await until('the wish for a server', () => bodies.length > 0, PATIENCE_MS);
    assert.deepEqual(bodies[0], { token: 'secret', service: 'app@file', wanted: 1, servers: [] });
    assert.equal((await pool(limpet)).starting, 1);
    await limpet.reconfigure(settings([servers[0].url, servers[1].url]));
    await until('one to be stopped', () => bodies.at(-1).servers.some(({ state }) => state === 'stop'), PATIENCE_MS);
    assert.equal(bodies.at(-1).wanted, 1);
    await limpet.reconfigure(settings([servers[0].url]));
    const now = await ready(limpet, 1);
    assert.deepEqual(now.servers.map(({ url }) => url), [servers[0].url]);
  });
});
