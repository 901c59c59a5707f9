// Users who wait for a seat or for a server: in which order they are served, how long they wait, and how many may.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, untilFree } from './named_server.mjs';
import { RawClient, ask, get } from './wire.mjs';

/** How many users wait, as the metrics have it. */
async function waiting(limpet) {
  const page = await (await fetch(`${limpet.admin}/metrics`)).text();
  return Number(/^limpet_service_waiting\{service="app@file"\} (\d+)$/m.exec(page)[1]);
}

const untilWaiting = (limpet, count) => until(`${count} to wait`, async () => await waiting(limpet) === count);

/** Runs `test` with one server that answers /hold/NAME only when it is told to, in the order of `server.requests`. */
async function withHolding(loadBalancer, test) {
  const held = [];
  const server = await startNamed('one', {
    onRequest: (request, response) => {
      if (!request.url.startsWith('/hold')) return false;
      held.push({ url: request.url, answer: () => response.end('done') });
      return true;
    },
  });
  const limpet = await startLimpet(oneService([server.url], { capacity: 1, sticky: undefined, ...loadBalancer }),
    { flags: ['--metrics.prometheus=true'] });
  try {
    await test({ limpet, server, held });
  } finally {
    await limpet.stop();
    await server.stop();
  }
}

/** Sends a request for /hold/NAME on a connection of its own. */
async function hold(limpet, name) {
  const client = await RawClient.connect(limpet.port);
  client.write(get(`/hold/${name}`));
  return { client, answered: client.readResponse() };
}

describe('users who wait for a seat', { timeout: 120_000 }, () => {
  it('are served in the order of their coming, on whichever thread they are', () => withHolding({ queueTimeout: '60s' },
    async ({ limpet, held }) => {
      const COUNT = 30;
      const users = [await hold(limpet, 0)];
      await until('the first to be held', () => held.length === 1);
      for (let i = 1; i <= COUNT; ++i) {
        users.push(await hold(limpet, i));
        await untilWaiting(limpet, i);
      }
      for (let i = 0; i <= COUNT; ++i) {
        await until(`user ${i} to have the seat`, () => held.length === i + 1);
        assert.equal(held[i].url, `/hold/${i}`);
        held[i].answer();
        assert.equal((await users[i].answered).status, 200);
      }
      assert.equal(await waiting(limpet), 0);
    }));

  it('lose their place when they leave', () => withHolding({ queueTimeout: '60s' }, async ({ limpet, held }) => {
    const first = await hold(limpet, 'first');
    await until('the first to be held', () => held.length === 1);
    const users = [];
    for (let i = 0; i < 4; ++i) {
      users.push(await hold(limpet, i));
      await untilWaiting(limpet, i + 1);
    }
    users[0].client.close();
    users[2].client.close();
    users[0].answered.catch(() => {});
    users[2].answered.catch(() => {});
    await untilWaiting(limpet, 2);
    held[0].answer();
    await first.answered;
    for (const [at, name] of [[1, 1], [2, 3]]) {
      await until(`user ${name} to have the seat`, () => held.length === at + 1);
      assert.equal(held[at].url, `/hold/${name}`);
      held[at].answer();
      assert.equal((await users[name].answered).status, 200);
    }
  }));

  it('get 503 with a Retry-After when the time is up, and at once when too many wait', () => withHolding(
    { queueTimeout: '700ms', queueLimit: 2, passiveHealthCheck: {} }, async ({ limpet, held }) => {
      const first = await hold(limpet, 'first');
      await until('the first to be held', () => held.length === 1);
      const users = [await hold(limpet, 1), await hold(limpet, 2)];
      await untilWaiting(limpet, 2);
      const third = await ask(limpet.port, get('/'));
      assert.equal(third.status, 503);
      assert.equal(third.get('limpet-reason'), 'queue-full');
      for (const { answered } of users) {
        const response = await answered;
        assert.equal(response.status, 503);
        assert.equal(response.get('limpet-reason'), 'all-full');
        assert.match(response.get('retry-after'), /^[1-9]\d?$/);
      }
      held[0].answer();
      assert.equal((await first.answered).status, 200);
      // Waiting was no failure of the server's.
      assert.equal((await ask(limpet.port, get('/'))).status, 200);
    }));

  it('get the seat of a tunnel that ends, for a tunnel of their own', () => withHolding({ queueTimeout: '60s' },
    async ({ limpet }) => {
      const first = await openTunnel(limpet.url);
      const second = openTunnel(limpet.url);
      await untilWaiting(limpet, 1);
      first.socket.close();
      const { socket, status } = await second;
      assert.equal(status, 101);
      socket.close();
    }));

  it('keep their turn over a reload, and are served by a server that is added', () => withHolding(
    { queueTimeout: '60s' }, async ({ limpet, server, held }) => {
      const first = await hold(limpet, 'first');
      await until('the first to be held', () => held.length === 1);
      const users = [];
      for (let i = 0; i < 2; ++i) {
        users.push(await hold(limpet, i));
        await untilWaiting(limpet, i + 1);
      }
      const other = await startNamed('other');
      try {
        await limpet.reconfigure(oneService([server.url, other.url],
          { capacity: 1, queueTimeout: '60s', sticky: undefined }));
        for (const { answered } of users) assert.equal(JSON.parse((await answered).body).name, 'other');
        held[0].answer();
        await first.answered;
      } finally {
        await other.stop();
      }
    }));
});

describe('a service that is scaled and has no server', { timeout: 120_000 }, () => {
  const scaled = (urls, more = {}) => oneService(urls, {
    scaling: { min: 0, max: 2, webhook: { url: 'http://127.0.0.1:9/' } }, sticky: undefined, ...more,
  });
  let server;
  before(async () => { server = await startNamed('late'); });
  after(() => stopAll(server));

  it('holds requests and upgrades, and serves them when one appears', async () => {
    const limpet = await startLimpet(scaled([]), { flags: ['--metrics.prometheus=true'] });
    try {
      const request = ask(limpet.port, get('/'));
      const tunnel = openTunnel(limpet.url);
      await untilWaiting(limpet, 2);
      await limpet.reconfigure(scaled([server.url]));
      assert.equal((await request).status, 200);
      const { status, socket } = await tunnel;
      assert.equal(status, 101);
      socket.close();
      await untilFree(limpet);
    } finally {
      await limpet.stop();
    }
  });

  it('gives up after queueTimeout', async () => {
    const limpet = await startLimpet(scaled([], { queueTimeout: '100ms' }));
    try {
      const response = await ask(limpet.port, get('/'));
      assert.equal(response.status, 503);
      assert.equal(response.get('limpet-reason'), 'no-server');
      assert.ok(response.get('retry-after'));
    } finally {
      await limpet.stop();
    }
  });
});

describe('new users', { timeout: 120_000 }, () => {
  /** Opens `count` tunnels, one after the other; how many each server has then. */
  async function placed(loadBalancer, count) {
    const servers = [await startNamed('a'), await startNamed('b'), await startNamed('c')];
    const limpet = await startLimpet(oneService(servers.map(({ url }) => url),
      { capacity: 10, sticky: undefined, ...loadBalancer }));
    const tunnels = [];
    try {
      for (let i = 0; i < count; ++i) tunnels.push(await openTunnel(limpet.url));
      return servers.map((each) => each.tunnels.size);
    } finally {
      const closed = tunnels.map(({ socket }) => once(socket, 'close'));
      tunnels.forEach(({ socket }) => socket.close());
      await Promise.all(closed);
      await limpet.stop();
      await stopAll(servers);
    }
  }

  it('are packed up to nine tenths of a server, then spread', async () => {
    assert.deepEqual(await placed({ strategy: 'pack' }, 12), [9, 3, 0]);
    assert.deepEqual(await placed({ strategy: 'pack' }, 28), [10, 9, 9]);
  });

  it('are spread', async () => {
    assert.deepEqual(await placed({ strategy: 'spread' }, 7), [3, 2, 2]);
  });

  it('are packed where the service is scaled, unless it says spread', async () => {
    const webhook = { url: 'http://127.0.0.1:9/' };
    assert.deepEqual(await placed({ scaling: { soft: 0.5, webhook } }, 7), [5, 2, 0]);
    assert.deepEqual(await placed({ scaling: { placement: 'spread', webhook } }, 7), [3, 2, 2]);
  });
});

describe('what takes a seat', { timeout: 120_000 }, () => {
  it('is a tunnel, but no request, with capacityCounts tunnels', () => withHolding({ capacityCounts: 'tunnels' },
    async ({ limpet, held }) => {
      const { socket } = await openTunnel(limpet.url);
      assert.equal((await openTunnel(limpet.url)).status, 503);
      const users = [await hold(limpet, 1), await hold(limpet, 2)];
      await until('both to be at the server', () => held.length === 2);
      assert.equal((await limpet.api('/api/servers'))[0].connections, 1);
      held.forEach(({ answer }) => answer());
      await Promise.all(users.map(({ answered }) => answered));
      socket.close();
      await untilFree(limpet);
      const again = await openTunnel(limpet.url);
      assert.equal(again.status, 101);
      again.socket.close();
    }));

  it('is a request, but no tunnel, with capacityCounts requests', () => withHolding({ capacityCounts: 'requests' },
    async ({ limpet, held }) => {
      const tunnels = [await openTunnel(limpet.url), await openTunnel(limpet.url)];
      assert.equal((await limpet.api('/api/servers'))[0].connections, 0);
      assert.equal((await limpet.api('/api/servers'))[0].tunnels, 2);
      const user = await hold(limpet, 1);
      await until('it to be at the server', () => held.length === 1);
      assert.equal((await ask(limpet.port, get('/'))).status, 503);
      held[0].answer();
      await user.answered;
      tunnels.forEach(({ socket }) => socket.close());
    }));

  it("is one of a placement's for an Engine.IO session that polls and upgrades", async () => {
    let sids = 0;
    const server = await startNamed('engine', {
      onRequest: (request, response) => {
        if (!request.url.includes('EIO=4')) return false;
        request.resume();
        response.end(request.url.includes('sid=') ? 'ok' : `0{"sid":"session-${++sids}"}`);
        return true;
      },
    });
    const limpet = await startLimpet(oneService([server.url],
      { capacity: 3, capacityCounts: 'sessions', tickets: { required: true, singleUse: true } }));
    const now = async () => {
      const { reserved, present } = await limpet.api('/api/placements/app/room');
      const [{ connections, reserved: onServer }] = await limpet.api('/api/servers');
      assert.equal(reserved, onServer);
      return { reserved, connections, present };
    };
    const polling = (ticket, more = '') => get(`/ws/?EIO=4&transport=polling&ticket=${ticket}${more}`);
    try {
      const { tickets } = await limpet.api('/api/placements',
        { method: 'POST', body: JSON.stringify({ service: 'app', key: 'room', seats: 2, ttl: 60 }) });
      assert.deepEqual(await now(), { reserved: 2, connections: 0, present: 0 });
      const sockets = [];
      for (const [i, ticket] of tickets.entries()) {
        const sid = `&sid=session-${i + 1}`;
        assert.equal((await ask(limpet.port, polling(ticket))).status, 200);
        assert.deepEqual(await now(), { reserved: 1 - i, connections: i + 1, present: i + 1 });
        for (let n = 0; n < 3; ++n) assert.equal((await ask(limpet.port, polling(ticket, sid))).status, 200);
        const { socket } = await openTunnel(`${limpet.url}/ws/?EIO=4&transport=websocket&ticket=${ticket}${sid}`);
        sockets.push(socket);
        let echoed = 0;
        socket.on('message', () => { ++echoed; });
        socket.send('2probe');
        socket.send('5');
        await until('both to be echoed', () => echoed === 2);
        assert.deepEqual(await now(), { reserved: 1 - i, connections: i + 1, present: i + 1 });
      }
      for (const socket of sockets) socket.close();
      await untilFree(limpet);
      assert.deepEqual(await now(), { reserved: 0, connections: 0, present: 0 });
    } finally {
      await limpet.stop();
      await server.stop();
    }
  });

  it('is an Engine.IO session, with capacityCounts sessions', async () => {
    const server = await startNamed('engine', {
      onRequest: (request, response) => {
        if (!request.url.includes('EIO=4')) return false;
        request.resume();
        response.end(request.url.includes('sid=') ? 'ok' : '0{"sid":"a-session"}');
        return true;
      },
    });
    const limpet = await startLimpet(oneService([server.url], { capacity: 1, capacityCounts: 'sessions' }));
    const seats = async () => (await limpet.api('/api/servers'))[0].connections;
    const polling = '/ws/?EIO=4&transport=polling';
    try {
      for (const end of ['close packet', 'WebSocket']) {
        assert.equal((await ask(limpet.port, get(polling))).status, 200);
        assert.equal((await ask(limpet.port, get(polling))).status, 503, 'there is one seat');
        for (let i = 0; i < 3; ++i) assert.equal((await ask(limpet.port, get(`${polling}&sid=a-session`))).status, 200);
        assert.equal((await ask(limpet.port, get('/page'))).status, 200);
        assert.equal(await seats(), 1);
        if (end === 'close packet') {
          const body = await ask(limpet.port, `POST ${polling}&sid=a-session HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1`);
          assert.equal(body.body, 'ok');
        } else {
          const { socket } = await openTunnel(`${limpet.url}/ws/?EIO=4&transport=websocket&sid=a-session`);
          assert.equal(await seats(), 1);
          let echoed = 0;
          socket.on('message', () => { ++echoed; });
          socket.send('2probe');
          socket.send('5');
          await until('both to be echoed', () => echoed === 2);
          socket.close();
        }
        await untilFree(limpet);
      }
    } finally {
      await limpet.stop();
      await server.stop();
    }
  });
});
