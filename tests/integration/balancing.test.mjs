// How new users are spread: the strategies, and services made of services.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** A server that says its name, upgrades what wants to be, and answers /health with its `health`. */
async function namedServer(name) {
  const server = await RawServer.start(({ target }) => (target === '/health'
    ? answer('', { status: server.health }) : answer(name)), {
    onHead: (request, connection) => {
      if (request.get('upgrade') === undefined) return undefined;
      connection.write(SWITCHING);
      connection.socket.on('end', () => connection.socket.end());
      return false;
    },
  });
  return Object.assign(server, { name, health: '200 OK' });
}

/** Runs `use` with `count` named servers (a, b, c …) and a limpet whose configuration `configure` makes of them. */
async function withServers(count, configure, use, options) {
  const servers = await Promise.all(Array.from({ length: count }, (_, i) => namedServer('abcdefgh'[i])));
  const limpet = await startLimpet(configure(servers), options);
  try {
    await use({ limpet, servers });
  } finally {
    await limpet.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }
}
const urlsOf = (servers) => servers.map(({ url }) => url);
const plain = (settings) => (servers) => oneService(urlsOf(servers), { sticky: undefined, ...settings });

/** Asks `count` times; gives how often each name answered. */
async function tally(port, count, request = get('/')) {
  const counts = {};
  for (let i = 0; i < count; ++i) {
    const { body } = await ask(port, request);
    counts[body] = (counts[body] ?? 0) + 1;
  }
  return counts;
}

async function openTunnel(port, fields = '') {
  const client = await RawClient.connect(port);
  assert.equal((await client.write(get('/', UPGRADE + fields)).readHead()).status, 101);
  return client;
}
const tunnelCounts = async (limpet, servers) => {
  const table = await limpet.api('/api/servers');
  return servers.map(({ url }) => table.filter((row) => row.url === url).reduce((sum, { tunnels }) => sum + tunnels, 0));
};

describe('strategies', { timeout: 120_000 }, () => {
  it('wrr gives each its share, exactly', () => withServers(3, (servers) => {
    const config = plain({})(servers);
    [5, 3, 2].forEach((weight, i) => { config.http.services.app.loadBalancer.servers[i].weight = weight; });
    return config;
  }, async ({ limpet }) => {
    assert.deepEqual(await tally(limpet.port, 100), { a: 50, b: 30, c: 20 });
  }));

  it('wrr does not serve one share after the other, but mixes them', () => withServers(2, (servers) => {
    const config = plain({})(servers);
    config.http.services.app.loadBalancer.servers[0].weight = 3;
    return config;
  }, async ({ limpet }) => {
    let text = '';
    for (let i = 0; i < 40; ++i) text += (await ask(limpet.port, get('/'))).body;
    assert.doesNotMatch(text, /aaaa|bb/);
  }));

  it('a server of weight 0 gets no new users, but keeps those bound to it', () => withServers(2, (servers) => {
    const config = oneService(urlsOf(servers));
    config.http.services.app.loadBalancer.servers[0].weight = 0;
    return config;
  }, async ({ limpet }) => {
    assert.deepEqual(await tally(limpet.port, 10), { b: 10 });
    const table = await limpet.api('/api/servers');
    const value = table.find(({ weight }) => weight === 0).cookieValue;
    assert.deepEqual(await tally(limpet.port, 5, get('/', `Cookie: ws-session=${value}\r\n`)), { a: 5 });
  }));

  it('leastconn goes by the tunnels that are open, through reloads too', () => withServers(3, plain({ strategy: 'leastconn' }),
    async ({ limpet, servers }) => {
      const tunnels = [];
      for (let i = 0; i < 9; ++i) tunnels.push(await openTunnel(limpet.port));
      assert.deepEqual(await tunnelCounts(limpet, servers), [3, 3, 3]);
      // Tunnels of one server end, and the next users fill the gap.
      servers[1].connections.forEach(({ socket }) => socket.destroy());
      await until('the gap', async () => (await tunnelCounts(limpet, servers))[1] === 0);
      await limpet.reconfigure(plain({ strategy: 'leastconn', capacity: 100 })(servers));
      for (let i = 0; i < 3; ++i) tunnels.push(await openTunnel(limpet.port));
      assert.deepEqual(await tunnelCounts(limpet, servers), [3, 3, 3]);
      for (let i = 0; i < 3; ++i) tunnels.push(await openTunnel(limpet.port));
      assert.deepEqual(await tunnelCounts(limpet, servers), [4, 4, 4]);
      for (const client of tunnels) client.close();
    }));

  it('p2c keeps tunnels level', () => withServers(4, plain({ strategy: 'p2c' }), async ({ limpet, servers }) => {
    const tunnels = [];
    for (let i = 0; i < 100; ++i) tunnels.push(await openTunnel(limpet.port));
    for (const count of await tunnelCounts(limpet, servers)) assert.ok(count >= 20 && count <= 30, `${count} of 100`);
    for (const client of tunnels) client.close();
  }));

  it('hrw keeps a client on its server, and moves only the users of one that goes', () => withServers(4,
    plain({ strategy: 'hrw' }), async ({ limpet, servers }) => {
      const clients = Array.from({ length: 40 }, (_, i) => `127.0.1.${i + 1}`);
      const where = async () => Promise.all(clients.map(async (localAddress) =>
        (await ask({ port: limpet.port, host: '127.0.0.1', localAddress }, get('/'))).body));
      const before = await where();
      assert.deepEqual(await where(), before);
      assert.equal(new Set(before).size, 4);
      await limpet.reconfigure(plain({ strategy: 'hrw' })(servers.slice(0, 3)));
      const after = await where();
      for (const [i, name] of before.entries()) {
        if (name === 'd') assert.notEqual(after[i], 'd');
        else assert.equal(after[i], name);
      }
    }));
});

describe('services made of services', { timeout: 120_000 }, () => {
  const service = (server) => ({ loadBalancer: { servers: [{ url: server.url }] } });
  const all = (services) => ({ http: { routers: { all: { rule: 'PathPrefix(`/`)', service: 'app' } }, services } });

  it('weighted splits by weight', () => withServers(3, ([a, b, c]) => all({
    app: { weighted: { services: [{ name: 'a', weight: 3 }, { name: 'b', weight: 1 }, { name: 'c', weight: 0 }] } },
    a: service(a), b: service(b), c: service(c),
  }), async ({ limpet }) => {
    assert.deepEqual(await tally(limpet.port, 40), { a: 30, b: 10 });
  }));

  it('weighted is sticky by a cookie of its own', () => withServers(2, ([a, b]) => all({
    app: { weighted: { services: [{ name: 'a', weight: 1 }, { name: 'b', weight: 1 }], sticky: { cookie: { name: 'half' } } } },
    a: service(a), b: service(b),
  }), async ({ limpet }) => {
    const seen = new Set();
    for (let i = 0; i < 4; ++i) {
      const first = await ask(limpet.port, get('/'));
      const [cookie] = /half=[^;]+/.exec(first.get('set-cookie'));
      seen.add(first.body);
      assert.deepEqual(await tally(limpet.port, 5, get('/', `Cookie: ${cookie}\r\n`)), { [first.body]: 5 });
    }
    assert.equal(seen.size, 2);
  }));

  it('weighted and the services below it may both be sticky', () => withServers(4, (servers) => {
    const pair = (from) => ({ loadBalancer: { servers: servers.slice(from, from + 2).map(({ url }) => ({ url })),
      sticky: { cookie: { name: 'server' } } } });
    return all({ app: { weighted: { services: [{ name: 'x', weight: 1 }, { name: 'y', weight: 1 }],
      sticky: { cookie: { name: 'half' } } } }, x: pair(0), y: pair(2) });
  }, async ({ limpet }) => {
    const seen = new Set();
    for (let i = 0; i < 8; ++i) {
      const first = await ask(limpet.port, get('/'));
      seen.add(first.body);
      const cookies = first.fields.get('set-cookie').map((text) => text.split(';')[0]).join('; ');
      assert.match(cookies, /half=.*server=|server=.*half=/);
      assert.deepEqual(await tally(limpet.port, 5, get('/', `Cookie: ${cookies}\r\n`)), { [first.body]: 5 });
    }
    assert.equal(seen.size, 4);
  }));

  it('failover uses the fallback while the service has no server that is up', () => withServers(2, ([a, b]) => {
    const main = service(a);
    main.loadBalancer.healthCheck = { path: '/health', interval: '100ms', timeout: '1s' };
    return all({ app: { failover: { service: 'main', fallback: 'spare' } }, main, spare: service(b) });
  }, async ({ limpet, servers: [a] }) => {
    assert.deepEqual(await tally(limpet.port, 5), { a: 5 });
    a.health = '500 Ill';
    await until('the fallback', async () => (await ask(limpet.port, get('/'))).body === 'b');
    assert.deepEqual(await tally(limpet.port, 5), { b: 5 });
    a.health = '200 OK';
    await until('the service to be back', async () => (await ask(limpet.port, get('/'))).body === 'a');
    assert.deepEqual(await tally(limpet.port, 5), { a: 5 });
  }));
});
