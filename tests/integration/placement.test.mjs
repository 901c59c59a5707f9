// Placements: a key has one server with seats kept for its users, exactly, across requests, restarts and kill -9; and
// pages without a server of their own join by themselves.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { freePort, limpetBinary, oneService, startLimpet, until } from './limpet_process.mjs';
import { startNamed, stopAll } from './named_server.mjs';

const DEADLINE_MS = 10_000;

/** POSTs a placement or a batch; `status` and the JSON of the answer. */
async function place(admin, wish) {
  const response = await fetch(`${admin}/api/placements`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wish),
  });
  return { status: response.status, retryAfter: response.headers.get('retry-after'), ...(await response.json()) };
}

/** Opens a WebSocket; `who` is the server's name, or the status of the refusal. */
async function open(url, headers = {}) {
  const socket = new WebSocket(url, { headers });
  socket.on('error', () => {});
  const who = await new Promise((resolve) => {
    socket.once('message', (data) => resolve(String(data)));
    socket.once('unexpected-response', (_request, response) => { response.resume(); resolve(response.statusCode); });
  });
  return { who, close: async () => { socket.close(); await once(socket, 'close'); } };
}

const cookieOf = ({ cookie }) => ({ cookie: `${cookie.name}=${cookie.value}` });

describe('placements', { timeout: 120_000 }, () => {
  let servers;
  let limpet;
  before(async () => {
    servers = await Promise.all(['one', 'two'].map((name) => startNamed(name)));
    limpet = await startLimpet(oneService(servers.map(({ url }) => url), {
      capacity: 4, join: { enabled: true, origins: ['https://play.example'] },
    }));
  });
  after(() => stopAll(limpet, servers ?? []));
  const nameOf = (url) => servers.find((server) => server.url === url).name;
  const remove = (key) => limpet.api(`/api/placements/app/${key}`, { method: 'DELETE' });

  it('keep seats for their users until they come', async () => {
    const room = await place(limpet.admin, { service: 'app', key: 'room', seats: 3, ttl: '1m' });
    assert.equal(room.status, 200);
    assert.equal(room.isNew, true);
    const { reserved } = (await limpet.api('/api/servers')).find(({ url }) => url === room.server);
    assert.equal(reserved, 3);
    const again = await place(limpet.admin, { service: 'app@file', key: 'room', seats: 3 });
    assert.equal(again.server, room.server);
    assert.equal(again.isNew, false);

    // Five others: one is let in beside the reserved seats, four go elsewhere.
    const strangers = [];
    for (let i = 0; i < 5; ++i) strangers.push(await open(`${limpet.url}/`));
    const here = strangers.filter(({ who }) => who === nameOf(room.server)).length;
    assert.ok(here <= 1, `${here} strangers`);
    const users = [];
    for (let i = 0; i < 3; ++i) users.push(await open(`${limpet.url}/`, cookieOf(room)));
    for (const { who } of users) assert.equal(who, nameOf(room.server));
    const now = await limpet.api('/api/placements/app/room');
    assert.equal(now.reserved, 0);
    assert.equal(now.present, 3);
    const all = await limpet.api('/api/placements?service=app');
    assert.deepEqual(all.map(({ key }) => key), ['room']);
    await Promise.all([...strangers, ...users].filter(({ who }) => typeof who === 'string').map((each) => each.close()));
    await remove('room');
  });

  it('are all or nothing in a batch, and say why not', async () => {
    const wishes = (seats) => seats.map((count, i) => ({ service: 'app', key: `k${i}`, seats: count, ttl: 60 }));
    const refused = await place(limpet.admin, wishes([4, 3, 2]));
    assert.equal(refused.status, 503);
    assert.match(refused.retryAfter, /^\d+$/);
    assert.match(refused.message, /no server of app@file has 2 seats left/);
    assert.deepEqual(await limpet.api('/api/placements'), []);
    const response = await fetch(`${limpet.admin}/api/placements`, { method: 'POST', body: JSON.stringify(wishes([4, 3])) });
    const placed = await response.json();
    assert.equal(placed.length, 2);
    const full = await place(limpet.admin, { service: 'app', key: 'k0', seats: 5 });
    assert.equal(full.status, 409);
    await Promise.all(['k0', 'k1'].map(remove));
    for (const { reserved } of await limpet.api('/api/servers')) assert.equal(reserved, 0);
  });

  it('answer bad requests with what is allowed', async () => {
    for (const [wish, status, message] of [
      [{ service: 'nope', key: 'k' }, 404, /service not found: nope/],
      [{ service: 'app' }, 400, /key: expected/],
      [{ service: 'app', key: 'k', seat: 2 }, 400, /unknown field "seat", did you mean seats\?/],
      [{ service: 'app', key: 'k', seats: -1 }, 400, /seats: expected/],
      [{ service: 'app', key: 'k', ttl: '2d' }, 400, /ttl: expected/],
      [[{ service: 'app', key: 'k' }, { service: 'app', key: 'k' }], 400, /given twice/],
      [[], 400, /expected an array of 1/],
    ]) {
      const answer = await place(limpet.admin, wish);
      assert.equal(answer.status, status, JSON.stringify(wish));
      assert.match(answer.message, message);
    }
    const gone = await fetch(`${limpet.admin}/api/placements/app/nobody`, { method: 'DELETE' });
    assert.equal(gone.status, 404);
  });

  it('end with their time', async () => {
    await place(limpet.admin, { service: 'app', key: 'short', seats: 4, ttl: 0.05 });
    await until('the seats to be free', async () =>
      (await limpet.api('/api/servers')).every(({ reserved }) => reserved === 0));
    assert.equal((await fetch(`${limpet.admin}/api/placements/app/short`)).status, 404);
  });

  it('move when their server is gone, and say so', async () => {
    const third = await startNamed('three');
    const before = oneService([...servers.map(({ url }) => url), third.url], { capacity: 4 });
    await limpet.reconfigure(before);
    const room = await place(limpet.admin, { service: 'app', key: 'mover', seats: 2, ttl: 60, server: third.url });
    assert.equal(room.server, third.url);
    await limpet.reconfigure(oneService(servers.map(({ url }) => url), {
      capacity: 4, join: { enabled: true, origins: ['https://play.example'] },
    }));
    const moved = await place(limpet.admin, { service: 'app', key: 'mover', seats: 2, ttl: 60 });
    assert.equal(moved.moved, true);
    assert.equal(moved.movedFrom, third.url);
    // The old cookie leads to the new place.
    const user = await open(`${limpet.url}/`, cookieOf(room));
    assert.equal(user.who, nameOf(moved.server));
    await user.close();
    await remove('mover');
    await third.stop();
  });

  it('are joined by pages without a server of their own', async () => {
    const ask = (path, init = {}) => fetch(`${limpet.url}${path}`, { redirect: 'manual', ...init });
    const joined = await ask('/limpet/join?service=app&key=party');
    assert.equal(joined.status, 200);
    const { ticket, key } = await joined.json();
    assert.equal(key, 'party');
    assert.match(joined.headers.get('set-cookie'), /^ws-session=[0-9a-f]{16}~[0-9a-f]{16}; Path=\/$/);
    const user = await open(`${limpet.url.replace('http', 'ws')}/?ticket=${ticket}`);
    const { server } = await limpet.api('/api/placements/app/party');
    assert.equal(user.who, nameOf(server));
    await user.close();

    const sent = await ask('/limpet/join?service=app&key=party&redirect=/game');
    assert.equal(sent.status, 302);
    assert.equal(sent.headers.get('location'), '/game');
    assert.ok(sent.headers.get('set-cookie'));
    for (const target of ['//evil.example/', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)']) {
      const refused = await ask(`/limpet/join?service=app&key=party&redirect=${encodeURIComponent(target)}`);
      assert.equal(refused.status, 400, target);
    }
    const allowed = await ask('/limpet/join?service=app&key=party&redirect=https://play.example/a');
    assert.equal(allowed.headers.get('location'), 'https://play.example/a');

    const friendly = await ask('/limpet/join?service=app&key=other', { headers: { origin: 'https://play.example' } });
    assert.equal(friendly.headers.get('access-control-allow-origin'), 'https://play.example');
    assert.equal(friendly.headers.get('access-control-allow-credentials'), 'true');
    const foreign = await ask('/limpet/join?service=app&key=other', { headers: { origin: 'https://evil.example' } });
    assert.equal(foreign.status, 403);

    const negotiated = await ask('/limpet/join/negotiate?service=app&key=other&url=/hub&negotiateVersion=1',
      { method: 'POST' });
    const { url, accessToken } = await negotiated.json();
    assert.equal(url, `${limpet.url}/hub?ticket=${accessToken}`);
    assert.equal((await ask('/limpet/join?service=nope&key=a')).status, 404);
    await Promise.all(['party', 'other'].map(remove));
  });

  it('are made on the command line', async () => {
    const child = spawn(limpetBinary(), ['place', 'app', 'cli room', '--seats', '2', '--ttl', '30s',
      '--address', limpet.admin], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    assert.match(out, /^http:\/\/127\.0\.0\.1:\d+ {2}cli room of app@file, 2 seats until .*Z\ncookie {2}ws-session=/);
    assert.match(out, /\nticket {2}lt1\.start\./);
    await remove('cli%20room');
  });
});

describe('placements of a limpet that is killed', { timeout: process.env.PLACEMENT_KILLS ? 3_600_000 : 180_000 }, () => {
  const KILLS = Number(process.env.PLACEMENT_KILLS ?? 200);
  const CAPACITY = 40;

  it(`are never lost and never oversold, ${KILLS} times`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'limpet-kills-'));
    const urls = ['http://127.0.0.1:9', 'http://127.0.0.2:9'];
    const dynamic = join(folder, 'dynamic.yml');
    writeFileSync(dynamic, JSON.stringify(oneService(urls, { capacity: CAPACITY })));
    const port = await freePort();
    const admin = `http://127.0.0.1:${port}`;
    const web = await freePort();
    /** Placements that were acknowledged, by key; those that may have been, since the answer was cut off. */
    const acknowledged = new Map();
    let uncertain = new Map();
    let next = 0;
    const end = process.env.PLACEMENT_KILLS ? Infinity : Date.now() + 60_000;
    let kills = 0;
    for (; kills < KILLS && Date.now() < end; ++kills) {
      const child = spawn(limpetBinary(), ['run', `--entryPoints.web.address=127.0.0.1:${web}`,
        `--api.address=127.0.0.1:${port}`, `--providers.file.filename=${dynamic}`, '--providers.file.watch=false',
        '--dataPath.threads=1', `--placement.file=${folder}/placements.db`, '--log.level=ERROR'],
      { stdio: ['ignore', 'ignore', 'inherit'] });
      const exited = once(child, 'exit');
      const table = await until('the placements', () =>
        fetch(`${admin}/api/placements`).then((response) => response.json(), () => null), DEADLINE_MS);
      const known = new Map(table.map((row) => [row.key, row]));
      for (const [key, { server, seats }] of acknowledged) {
        assert.equal(known.get(key)?.server, server, `${key} after ${kills} kills`);
        assert.equal(known.get(key).seats, seats, key);
        assert.equal(known.get(key).reserved, seats, key);
      }
      for (const [key, row] of known) {
        assert.ok(acknowledged.has(key) || uncertain.has(key), `${key} was deleted or never placed`);
        acknowledged.set(key, row);
      }
      for (const url of urls) {
        const sum = table.filter(({ server }) => server === url).reduce((all, { seats }) => all + seats, 0);
        assert.ok(sum <= CAPACITY, `${sum} seats on ${url}`);
      }
      for (const server of await (await fetch(`${admin}/api/servers`)).json()) {
        assert.ok(server.reserved <= CAPACITY);
      }

      uncertain = new Map();
      const changes = [];
      for (const key of [...acknowledged.keys()].filter(() => Math.random() < 0.5)) {
        const row = acknowledged.get(key);
        acknowledged.delete(key);
        uncertain.set(key, row);
        changes.push(fetch(`${admin}/api/placements/app/${key}`, { method: 'DELETE' })
          .then((response) => response.text().then(() => response.ok && uncertain.delete(key)), () => {}));
      }
      for (let i = 0; i < 12; ++i) {
        const wish = { service: 'app', key: `k${next++}`, seats: 1 + (next % 7), ttl: '1h' };
        uncertain.set(wish.key, wish);
        changes.push(place(admin, wish).then((answer) => {
          if (answer.status === 200) acknowledged.set(wish.key, answer);
          else assert.equal(answer.status, 503);
          uncertain.delete(wish.key);
        }, (error) => { if (error instanceof assert.AssertionError) throw error; }));
      }
      await new Promise((resolve) => { setTimeout(resolve, Math.random() * 15); });
      child.kill('SIGKILL');
      await exited;
      await Promise.all(changes);
    }
    rmSync(folder, { recursive: true, force: true });
    assert.ok(kills > 20, `${kills} kills`);
    assert.ok(next > 0);
    console.log(`# ${kills} kills, ${next} placements asked for`);
  });
});

describe('the match-maker example', { timeout: 60_000 }, () => {
  it('brings those who ask for the same room together', async () => {
    const children = [];
    const start = async (name) => {
      const server = fileURLToPath(new URL('../../examples/matchmaker/server.mjs', import.meta.url));
      const child = spawn(process.execPath, [server, '0', name], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      const [line] = await once(child.stdout, 'data');
      return String(line).trim();
    };
    const urls = await Promise.all(['one', 'two', 'three'].map(start));
    const dynamic = oneService(urls, { capacity: 20, placement: { policy: 'spread' }, join: { enabled: true } });
    const limpet = await startLimpet(dynamic);
    try {
      assert.match(await (await fetch(limpet.url)).text(), /Match-maker/);
      const servers = new Set();
      const sockets = [];
      for (const room of ['a', 'b', 'c']) {
        const users = await Promise.all([1, 2, 3].map(async () => {
          const { ticket } = await (await fetch(`${limpet.url}/limpet/join?service=app&key=${room}`)).json();
          const socket = new WebSocket(`${limpet.url}/rooms/${room}?ticket=${ticket}`);
          const told = [];
          socket.on('message', (data) => told.push(JSON.parse(String(data))));
          await once(socket, 'open');
          return { socket, told };
        }));
        for (const { told } of users) {
          const last = await until('three in the room', () => told.find((each) => each.users === 3));
          servers.add(last.server);
        }
        sockets.push(...users.map(({ socket }) => socket));
      }
      assert.equal(servers.size, 3);
      for (const socket of sockets) socket.terminate();
    } finally {
      for (const child of children) child.kill('SIGKILL');
      await limpet.stop();
    }
  });
});
