// Which server a user gets: what happens when the one that holds them is down, full, unknown or draining, exact
// capacities, strategies, and every source that can name a server.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

/** FNV-1a-64 as users compute it by hand. */
function fnv1a(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, '0');
}

const COOKIE = 'ws-session';
const bound = (server, path = '/') => get(path, `Cookie: ${COOKIE}=${fnv1a(server.url)}\r\n`);
const setCookie = (response) => new RegExp(`${COOKIE}=([^;]+)`).exec(response.get('set-cookie') ?? '')?.[1];

/** A server that says its name, and keeps requests for /hold until release(). It has `held` of them. */
async function namedServer(name, port) {
  const held = [];
  const server = await RawServer.start(({ target }, connection) => {
    if (target.startsWith('/hold')) { held.push(connection); return undefined; }
    return answer(name);
  }, { port });
  return Object.assign(server, { name, held, release: () => held.splice(0).forEach(({ write }) => write(answer(name))) });
}

/** Runs `use` with two named servers and a limpet of these settings in front. */
async function withTwo(loadBalancer, use, options) {
  const servers = [await namedServer('one'), await namedServer('two')];
  const limpet = await startLimpet(oneService(servers.map(({ url }) => url), loadBalancer), options);
  try {
    await use({ limpet, servers, one: servers[0], two: servers[1] });
  } finally {
    await limpet.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }
}
const sticky = (settings, cookie = {}) => ({ sticky: { cookie: { name: COOKIE, ...cookie }, ...settings } });

/** Sends a request and leaves it waiting; `answered` is a promise of the answer. */
async function leaveWaiting(limpet, request) {
  const client = await RawClient.connect(limpet.port);
  client.write(request);
  return { client, answered: client.readResponse() };
}

function assertRefused(response, reason, { retry = true } = {}) {
  assert.equal(response.status, 503);
  assert.equal(response.get('limpet-reason'), reason);
  if (retry) assert.match(response.get('retry-after'), /^[1-9]\d*$/);
  else assert.equal(response.get('retry-after'), undefined);
}

describe('users of a server that is down', { timeout: 120_000 }, () => {
  it('move: choose again and rewrite the cookie', () => withTwo(sticky({ onDown: 'move' }), async ({ limpet, one, two }) => {
    await one.stop();
    const response = await ask(limpet.port, bound(one));
    assert.equal(response.body, 'two');
    assert.equal(setCookie(response), fnv1a(two.url));
  }));

  it('reject: 503 with the reason', () => withTwo(sticky({ onDown: 'reject' }), async ({ limpet, one, two }) => {
    await one.stop();
    assertRefused(await ask(limpet.port, bound(one)), 'bound-server-down');
    assert.equal((await ask(limpet.port, bound(two))).body, 'two');
    assert.equal((await ask(limpet.port, get('/'))).body, 'two', 'new users have nothing to do with it');
  }));

  it('wait: until it is back', () => withTwo(sticky({ onDown: 'wait', waitTimeout: '30s' }), async ({ limpet, one, two }) => {
    await one.stop();
    const waiting = await leaveWaiting(limpet, bound(one));
    const posting = await leaveWaiting(limpet,
      `POST / HTTP/1.1\r\nHost: a\r\nCookie: ${COOKIE}=${fnv1a(one.url)}\r\nContent-Length: 4\r\n\r\nbody`);
    assert.equal((await ask(limpet.port, bound(two))).body, 'two', 'others do not wait');
    assert.ok(await waiting.client.reader.isQuietFor(300));
    const again = await namedServer('one, again', one.port);
    try {
      assert.equal((await waiting.answered).body, 'one, again');
      assert.equal((await posting.answered).body, 'one, again');
      assert.equal(again.requests.find(({ method }) => method === 'POST').body, 'body');
      assert.equal(again.requests.length, 2);
    } finally {
      await again.stop();
    }
  }));

  it('wait: no longer than waitTimeout', () => withTwo(sticky({ onDown: 'wait', waitTimeout: '300ms' }),
    async ({ limpet, one }) => {
      await one.stop();
      assertRefused(await ask(limpet.port, bound(one)), 'bound-server-down');
    }));

  it('wait: and leave, which ends it', () => withTwo(sticky({ onDown: 'wait', waitTimeout: '60s' }), async ({ limpet, one }) => {
    await one.stop();
    const { client, answered } = await leaveWaiting(limpet, bound(one));
    answered.catch(() => {});
    assert.ok(await client.reader.isQuietFor(200));
    client.close();
    // Were it still waiting, the stop would take as long as its grace time.
    const begun = Date.now();
    assert.equal(await limpet.stop(), 0);
    assert.ok(Date.now() - begun < 8_000);
  }));
});

describe('users of a server that is full', { timeout: 120_000 }, () => {
  const full = async (policy, use, more = {}) => withTwo({ ...sticky({ onFull: policy, ...more }), capacity: 1 }, async (all) => {
    const { limpet, one } = all;
    const holder = await leaveWaiting(limpet, bound(one, '/hold'));
    await until('the seat to be taken', () => one.held.length);
    await use({ ...all, holder });
    one.release();
    assert.equal((await holder.answered).body, 'one');
  });

  it('move', () => full('move', async ({ limpet, one, two }) => {
    const response = await ask(limpet.port, bound(one));
    assert.equal(response.body, 'two');
    assert.equal(setCookie(response), fnv1a(two.url));
  }));

  it('reject', () => full('reject', async ({ limpet, one, two }) => {
    assertRefused(await ask(limpet.port, bound(one)), 'bound-server-full');
    assert.equal((await ask(limpet.port, bound(two))).body, 'two');
  }));

  it('wait: until there is a seat', () => full('wait', async ({ limpet, one, two }) => {
    const waiting = await leaveWaiting(limpet, bound(one));
    assert.equal((await ask(limpet.port, bound(two))).body, 'two');
    assert.ok(await waiting.client.reader.isQuietFor(200));
    one.release();
    assert.equal((await waiting.answered).body, 'one');
  }));

  it('wait: no longer than waitTimeout', () => full('wait', async ({ limpet, one }) => {
    assertRefused(await ask(limpet.port, bound(one)), 'bound-server-full');
  }, { waitTimeout: '200ms' }));
});

describe('users of a server nobody knows', { timeout: 60_000 }, () => {
  const unknown = get('/', `Cookie: ${COOKIE}=${fnv1a('http://127.0.0.1:1')}\r\n`);

  it('move: choose, and rewrite the cookie', () => withTwo(sticky({ onUnknown: 'move' }), async ({ limpet, servers }) => {
    const response = await ask(limpet.port, unknown);
    assert.equal(setCookie(response), fnv1a(servers.find(({ name }) => name === response.body).url));
  }));

  it('reject', () => withTwo(sticky({ onUnknown: 'reject' }), async ({ limpet }) => {
    assertRefused(await ask(limpet.port, unknown), 'bound-server-unknown', { retry: false });
    assert.equal((await ask(limpet.port, get('/'))).status, 200);
  }));
});

describe('users of a server that drains', { timeout: 120_000 }, () => {
  const draining = (policy, use, more = {}) => withTwo(sticky({ onDraining: policy, ...more }), async (all) => {
    const { limpet, one, two } = all;
    const { id } = (await limpet.api('/api/servers')).find(({ url }) => url === one.url);
    await limpet.api(`/api/servers/${id}/drain`, { method: 'POST' });
    for (let i = 0; i < 4; ++i) assert.equal((await ask(limpet.port, get('/'))).body, 'two', 'new users go elsewhere');
    assert.equal((await ask(limpet.port, bound(two))).body, 'two');
    await use({ ...all, undrain: () => limpet.api(`/api/servers/${id}/undrain`, { method: 'POST' }) });
  });

  it('move means: stay', () => draining('move', async ({ limpet, one }) => {
    const response = await ask(limpet.port, bound(one));
    assert.equal(response.body, 'one');
    assert.equal(setCookie(response), undefined);
  }));

  it('reject', () => draining('reject', async ({ limpet, one, undrain }) => {
    assertRefused(await ask(limpet.port, bound(one)), 'bound-server-draining');
    await undrain();
    assert.equal((await ask(limpet.port, bound(one))).body, 'one');
  }));

  it('wait: until it is undrained', () => draining('wait', async ({ limpet, one, undrain }) => {
    const waiting = await leaveWaiting(limpet, bound(one));
    assert.ok(await waiting.client.reader.isQuietFor(200));
    await undrain();
    assert.equal((await waiting.answered).body, 'one');
  }));

  it('wait: no longer than waitTimeout', () => draining('wait', async ({ limpet, one }) => {
    assertRefused(await ask(limpet.port, bound(one)), 'bound-server-draining');
  }, { waitTimeout: '200ms' }));
});

describe('capacity', { timeout: 120_000 }, () => {
  const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
    + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n');
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    + 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

  it('is exact: 400 users at once find 3 × 37 seats, and not one more', async () => {
    const capacity = 37;
    const most = [0, 0, 0];
    const now = [0, 0, 0];
    const servers = await Promise.all(most.map((_, index) => RawServer.start(undefined, {
      onHead: (_, connection) => {
        most[index] = Math.max(most[index], ++now[index]);
        connection.socket.on('end', () => connection.socket.end());
        connection.closed.then(() => { --now[index]; });
        // A little later, so that many upgrades are under way at once.
        setTimeout(() => connection.write(switching), 30);
        return false;
      },
    })));
    const limpet = await startLimpet(oneService(servers.map(({ url }) => url), { capacity, sticky: undefined }));
    try {
      for (let round = 0; round < 3; ++round) {
        const clients = await Promise.all(Array.from({ length: 400 }, () => RawClient.connect(limpet.port)));
        const responses = await Promise.all(clients.map((client) => client.write(upgrade).readResponse()));
        const refused = responses.filter(({ status }) => status !== 101);
        for (const response of refused) assertRefused(response, 'all-full');
        assert.equal(responses.length - refused.length, 3 * capacity);
        assert.deepEqual(now, [capacity, capacity, capacity]);
        assert.deepEqual(most, [capacity, capacity, capacity]);
        const table = await limpet.api('/api/servers');
        assert.deepEqual(table.map(({ tunnels }) => tunnels), [capacity, capacity, capacity]);
        for (const client of clients) client.close();
        await until('all seats to be free', async () => (await limpet.api('/api/servers'))
          .every(({ connections }) => connections === 0) && now.every((count) => count === 0));
      }
    } finally {
      await limpet.stop();
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  it('of one server may differ from that of its service', async () => {
    const servers = [await namedServer('small'), await namedServer('large')];
    const config = oneService(servers.map(({ url }) => url), { capacity: 5, sticky: undefined });
    config.http.services.app.loadBalancer.servers[0].capacity = 2;
    const limpet = await startLimpet(config);
    try {
      const waiting = [];
      for (let i = 0; i < 7; ++i) {
        waiting.push(await leaveWaiting(limpet, get('/hold')));
        await until('the request to be held', () => servers[0].held.length + servers[1].held.length === i + 1);
      }
      assert.deepEqual(servers.map(({ held }) => held.length), [2, 5]);
      assertRefused(await ask(limpet.port, get('/')), 'all-full');
      servers.forEach((server) => server.release());
      await Promise.all(waiting.map(({ answered }) => answered));
      assert.equal((await ask(limpet.port, get('/'))).status, 200);
    } finally {
      await limpet.stop();
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  it('with queueTimeout: new users wait for a seat', () => withTwo({ capacity: 1, queueTimeout: '30s', sticky: undefined },
    async ({ limpet, one, two }) => {
      const holders = [await leaveWaiting(limpet, get('/hold')), await leaveWaiting(limpet, get('/hold'))];
      await until('both to be full', () => one.held.length + two.held.length === 2);
      const waiting = await Promise.all(Array.from({ length: 20 }, () => leaveWaiting(limpet, get('/'))));
      assert.ok(await waiting[0].client.reader.isQuietFor(200));
      two.release();
      for (const { answered } of waiting) assert.equal((await answered).body, 'two');
      one.release();
      await Promise.all(holders.map(({ answered }) => answered));
    }));

  it('with queueTimeout: no longer than that', () => withTwo({ capacity: 1, queueTimeout: '200ms', sticky: undefined },
    async ({ limpet, one, two }) => {
      const holders = [await leaveWaiting(limpet, get('/hold')), await leaveWaiting(limpet, get('/hold'))];
      await until('both to be full', () => one.held.length + two.held.length === 2);
      assertRefused(await ask(limpet.port, get('/')), 'all-full');
      one.release();
      two.release();
      await Promise.all(holders.map(({ answered }) => answered));
    }));
});

describe('sources that name a server', { timeout: 60_000 }, () => {
  const sources = ['query:server', 'header:X-Server', 'path:/s/', 'cookie'];
  it('are the query, a header, the path and the cookie, in the order set', () => withTwo(sticky({ sources }),
    async ({ limpet, one, two }) => {
      for (let i = 0; i < 10; ++i) {
        for (const [server, other] of [[one, two], [two, one]]) {
          const [value, wrong] = [fnv1a(server.url), fnv1a(other.url)];
          for (const request of [get(`/?server=${value}`), get(`/?a=b&server=${value}&c`), get('/', `X-Server: ${value}\r\n`),
            get(`/s/${value}/rest`), get(`/s/${value}`), get('/', `Cookie: x=y; ${COOKIE}=${value}; z\r\n`),
            get(`/?server=${value}`, `X-Server: ${wrong}\r\nCookie: ${COOKIE}=${wrong}\r\n`),
            get(`/s/${wrong}`, `X-Server: ${value}\r\n`),
            get('/?server=nonsense', `X-Server: ${value}\r\n`)]) {
            assert.equal((await ask(limpet.port, request)).body, server.name, request);
          }
        }
      }
    }));

  it('lead to the cookie, so that the next request finds the way by it', () => withTwo(sticky({ sources }),
    async ({ limpet, one, two }) => {
      const first = await ask(limpet.port, get(`/?server=${fnv1a(two.url)}`));
      assert.equal(setCookie(first), fnv1a(two.url));
      const second = await ask(limpet.port, get(`/?server=${fnv1a(two.url)}`, `Cookie: ${COOKIE}=${fnv1a(one.url)}\r\n`));
      assert.equal(second.body, 'two');
      assert.equal(setCookie(second), fnv1a(two.url));
    }));

  it('with format hmac are not to be computed by users', () => {
    const secret = 'a secret of the service';
    return withTwo(sticky({ onUnknown: 'reject' }, { format: 'hmac', secret }), async ({ limpet, servers }) => {
      for (const { url, name } of servers) {
        for (const value of [fnv1a(url), encodeURIComponent(url), fnv1a(url).toUpperCase(),
          createHmac('sha256', 'another secret').update(url).digest('hex').slice(0, 32)]) {
          assertRefused(await ask(limpet.port, get('/', `Cookie: ${COOKIE}=${value}\r\n`)), 'bound-server-unknown', { retry: false });
        }
        const own = createHmac('sha256', secret).update(url).digest('hex').slice(0, 32);
        assert.equal((await ask(limpet.port, get('/', `Cookie: ${COOKIE}=${own}\r\n`))).body, name);
      }
      const given = await ask(limpet.port, get('/'));
      assert.match(setCookie(given), /^[0-9a-f]{32}$/);
      for (let i = 0; i < 5; ++i) {
        assert.equal((await ask(limpet.port, get('/', `Cookie: ${COOKIE}=${setCookie(given)}\r\n`))).body, given.body);
      }
    });
  });

  it('write the cookie with all its attributes', () => withTwo(sticky({}, {
    secure: true, httpOnly: true, sameSite: 'none', maxAge: 3600, path: '/chat', domain: 'example.com', partitioned: true,
  }), async ({ limpet }) => {
    const [text] = (await ask(limpet.port, get('/'))).fields.get('set-cookie');
    const [, ...attributes] = text.split('; ');
    assert.deepEqual(attributes.map((attribute) => attribute.toLowerCase()).sort(), ['domain=example.com', 'httponly',
      'max-age=3600', 'partitioned', 'path=/chat', 'samesite=none', 'secure']);
  }));
});
