// The main job: users reach the server that holds them, by cookie values of every Traefik generation, through polling,
// WebSocket and upgrade; servers die and come back; configurations change under open tunnels.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { startChat } from './chat_server.mjs';
import { oneService, startLimpet, until } from './limpet_process.mjs';

const DEADLINE_MS = 10_000;

/** FNV-1a-64 as users compute it by hand. */
function fnv1a(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, '0');
}

/** Asks /hostname and returns the server's name and the sticky cookie of the answer, if any. */
async function hostname(base, cookie) {
  const response = await fetch(`${base}/hostname`, { headers: cookie ? { cookie: `ws-session=${cookie}` } : {} });
  assert.equal(response.status, 200);
  const { hostname: name } = await response.json();
  const set = /ws-session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '');
  return { name, cookie: set?.[1] };
}

describe('three Express and Socket.IO servers', { timeout: 120_000 }, () => {
  const names = ['rock', 'reef', 'tide'];
  let servers;
  let limpet;
  before(async () => {
    servers = await Promise.all(names.map((name) => startChat('express-chat', ['--name', name])));
    limpet = await startLimpet(oneService(servers.map(({ url }) => url)));
  });
  after(async () => {
    await limpet?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  it('takes a hand-computed cookie to its server, 100 times of 100', async () => {
    for (const [index, { url }] of servers.entries()) {
      for (let i = 0; i < 100; ++i) {
        assert.equal((await hostname(limpet.url, fnv1a(url))).name, names[index]);
      }
    }
  });

  it('accepts the value of every format, with and without leading zeros', async () => {
    const table = await limpet.api('/api/servers');
    for (const [index, { url }] of servers.entries()) {
      const { cookieValues } = table.find((server) => server.url === url);
      const values = Object.values(cookieValues);
      assert.ok(values.length >= 6, JSON.stringify(cookieValues));
      for (const value of values) {
        for (const spelling of new Set([value, value.replace(/^0+(?=[0-9a-f])/, ''), encodeURIComponent(value)])) {
          for (let i = 0; i < 10; ++i) {
            assert.equal((await hostname(limpet.url, spelling)).name, names[index], `${spelling} of ${url}`);
          }
        }
      }
    }
  });

  it('brings a user without a cookie back by the cookie it gave', async () => {
    const seen = new Set();
    for (let i = 0; i < 9; ++i) {
      const first = await hostname(limpet.url);
      assert.ok(first.cookie);
      seen.add(first.name);
      for (let again = 0; again < 5; ++again) {
        const next = await hostname(limpet.url, first.cookie);
        assert.equal(next.name, first.name);
        assert.equal(next.cookie, undefined, 'a good cookie is not written again');
      }
    }
    assert.deepEqual([...seen].sort(), [...names].sort());
  });

  for (const [what, transports] of [['polling only', ['polling']], ['WebSocket only', ['websocket']],
    ['polling, then upgrade', ['polling', 'websocket']]]) {
    it(`carries Socket.IO by ${what}, to the server of the cookie`, async () => {
      for (const [index, { url }] of servers.entries()) {
        const socket = io(limpet.url, {
          path: '/ws', transports, forceNew: true, reconnection: false,
          extraHeaders: { cookie: `ws-session=${fnv1a(url)}` },
        });
        try {
          await Promise.race([once(socket, 'connect'), once(socket, 'connect_error').then(([e]) => assert.fail(e))]);
          if (transports.length === 2) {
            await until('the upgrade', () => socket.io.engine.transport.name === 'websocket');
          }
          const { hostname: name } = await socket.timeout(DEADLINE_MS).emitWithAck('whoami');
          assert.equal(name, names[index]);
        } finally {
          socket.disconnect();
        }
      }
    });

    it(`keeps a client that sends no cookie on one server by its session id: ${what}`, async () => {
      for (let i = 0; i < 6; ++i) {
        const socket = io(limpet.url, { path: '/ws', transports, forceNew: true, reconnection: false });
        try {
          await Promise.race([once(socket, 'connect'), once(socket, 'connect_error').then(([e]) => assert.fail(e))]);
          if (transports.length === 2) {
            await until('the upgrade', () => socket.io.engine.transport.name === 'websocket');
          }
          await socket.timeout(DEADLINE_MS).emitWithAck('whoami');
        } finally {
          socket.disconnect();
        }
      }
    });
  }

  it('lets two users on one server talk', async () => {
    const headers = { cookie: `ws-session=${fnv1a(servers[1].url)}` };
    const [a, b] = [0, 1].map(() => io(limpet.url, { path: '/ws', forceNew: true, extraHeaders: headers }));
    try {
      await Promise.all([once(a, 'connect'), once(b, 'connect')]);
      const heard = once(b, 'revieve-msg');
      a.emit('send-msg', b.id, 'ahoy');
      assert.deepEqual(await heard, [a.id, 'ahoy']);
    } finally {
      a.disconnect();
      b.disconnect();
    }
  });
});

describe('changes under way', { timeout: 180_000 }, () => {
  const names = ['one', 'two', 'three'];
  let servers;
  let limpet;
  before(async () => {
    servers = await Promise.all(names.map((name) => startChat('limpet-chat', ['--name', name])));
    limpet = await startLimpet(oneService(servers.map(({ url }) => url)));
  });
  after(async () => {
    await limpet?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const open = (cookie) => new WebSocket(`${limpet.url.replace('http', 'ws')}/ws/?EIO=4&transport=websocket`, {
    headers: { cookie: `ws-session=${cookie}` },
  });

  it('closes none of 1,000 tunnels by a reload, nor by removing their server', async () => {
    const sockets = [];
    let closed = 0;
    for (let i = 0; i < 1000; ++i) {
      const socket = open(fnv1a(servers[i % 3].url));
      socket.on('close', () => { ++closed; });
      socket.on('error', () => { ++closed; });
      sockets.push(socket);
      if (i % 50 === 49) await Promise.all(sockets.slice(-50).map((s) => s.readyState === 1 || once(s, 'open')));
    }
    const count = async () => (await limpet.api('/api/servers')).reduce((sum, { tunnels }) => sum + tunnels, 0);
    await until('1,000 tunnels', async () => (await count()) === 1000);

    const all = servers.map(({ url }) => url);
    await limpet.reconfigure(oneService(all, { strategy: 'leastconn' }));
    assert.equal(await count(), 1000, 'counts survive a reload');
    await limpet.reconfigure(oneService(all.slice(0, 2)));
    await limpet.breakConfiguration('http: {broken: [');
    await limpet.reconfigure(oneService(all));
    assert.equal(await count(), 1000, 'counts come back with the server');

    // Every tunnel still carries: Engine.IO's own CONNECT is answered.
    await Promise.all(sockets.map(async (socket) => {
      const answered = new Promise((resolve) => {
        socket.on('message', (data) => { if (data.toString().startsWith('40')) resolve(); });
      });
      socket.send('40');
      await answered;
    }));
    assert.equal(closed, 0);
    for (const socket of sockets) socket.terminate();
    await until('all seats to be free', async () => (await count()) === 0);
  });

  it('keeps the last good configuration when a file breaks, and says where', async () => {
    await limpet.breakConfiguration('http:\n  routers:\n    all:\n      ruel: PathPrefix(`/`)\n      service: app\n');
    const provider = (await limpet.api('/api/providers')).find(({ name }) => name === 'file');
    assert.equal(provider.failed, true);
    assert.match(JSON.stringify(provider.problems), /ruel/);
    assert.match(JSON.stringify(provider.problems), /rule/);
    assert.match(limpet.log(), /dynamic\.yml:4:7.*ruel/);
    assert.equal((await fetch(`${limpet.url}/hostname`)).status, 200);
    await limpet.reconfigure(oneService(servers.map(({ url }) => url)));
  });

  it("moves a killed server's users, and no one else's", async () => {
    const before = await Promise.all(servers.map(({ url }) => hostname(limpet.url, fnv1a(url))));
    assert.deepEqual(before.map(({ name }) => name), names);
    await servers[2].stop('SIGKILL');
    for (let i = 0; i < 20; ++i) {
      assert.equal((await hostname(limpet.url, fnv1a(servers[0].url))).name, names[0]);
      assert.equal((await hostname(limpet.url, fnv1a(servers[1].url))).name, names[1]);
    }
    const moved = await hostname(limpet.url, fnv1a(servers[2].url));
    assert.ok(names.slice(0, 2).includes(moved.name));
    assert.ok(moved.cookie, 'the cookie is rewritten');
    assert.equal((await hostname(limpet.url, moved.cookie)).name, moved.name);
  });

  it('drains a server: bound users stay, new ones go elsewhere', async () => {
    const table = await limpet.api('/api/servers');
    const { id } = table.find(({ url }) => url === servers[0].url);
    const drained = await limpet.api(`/api/servers/${id}/drain`, { method: 'POST' });
    assert.equal(drained.status, 'draining');
    assert.equal((await hostname(limpet.url, fnv1a(servers[0].url))).name, names[0]);
    for (let i = 0; i < 10; ++i) assert.equal((await hostname(limpet.url)).name, names[1]);
    await limpet.api(`/api/servers/${id}/undrain`, { method: 'POST' });
    const seen = new Set();
    for (let i = 0; i < 10; ++i) seen.add((await hostname(limpet.url)).name);
    assert.ok(seen.has(names[0]));
  });
});

describe('published cookie values', { timeout: 30_000 }, () => {
  it('are those of the API', async () => {
    const rows = readFileSync(new URL('../data/cookie-values.tsv', import.meta.url), 'utf8').split('\n')
      .filter((line) => line && !line.startsWith('#')).slice(1).map((line) => line.split('\t'));
    const limpet = await startLimpet(oneService(rows.map(([url]) => url)));
    try {
      const table = await limpet.api('/api/servers');
      for (const [url, , padded, traefik3, fnv1, , sha256] of rows) {
        const { cookieValue, cookieValues } = table.find((server) => server.url === url);
        assert.equal(cookieValue, padded);
        assert.equal(cookieValues.traefik3, traefik3);
        assert.equal(cookieValues.fnv1, fnv1);
        assert.equal(cookieValues.sha256, sha256);
      }
    } finally {
      await limpet.stop();
    }
  });
});
