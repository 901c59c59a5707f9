// Middlewares end to end: what the server gets, what the client gets, and who gets nothing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, visit } from './named_server.mjs';
import { RawClient, ask, get } from './wire.mjs';

// "secret" as `htpasswd -nbB -C 10`, `htpasswd -nbm` and `htpasswd -nbs` write it, for three users.
const USERS = [
  'bea:$2y$10$qGVjOQd1Jx8cYkzsW0p3IeOuQUErHkuGTY5sCe8pP5EZ7sgE6XL/.',
  'moe:$apr1$Zt4RNkx1$EZuaLTnI9a9XMmteNGX5y.',
  'sue:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
];

const login = (user, password = 'secret') => ({ Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

const MIDDLEWARES = {
  strip: { stripPrefix: { prefixes: ['/strip', '/strip/deep'] } },
  add: { addPrefix: { prefix: '/added' } },
  replace: { replacePath: { path: '/replaced' } },
  auth: { basicAuth: { users: USERS, realm: 'the sea', headerField: 'X-User', removeHeader: true } },
  local: { ipAllowList: { sourceRange: ['127.0.0.2', '2001:db8::/32'] } },
  forwarded: { ipAllowList: { sourceRange: ['192.0.2.0/24'], ipStrategy: { depth: 1 }, rejectStatusCode: 404 } },
  rate: { rateLimit: { average: 1, period: '1h', burst: 3 } },
  'rate-by-header': { rateLimit: { average: 1, period: '1h', burst: 2, sourceCriterion: { requestHeaderName: 'X-Key' } } },
  'in-flight': { inFlightReq: { amount: 2 } },
  https: { redirectScheme: { scheme: 'https', port: '8443' } },
  'https-for-good': { redirectScheme: { scheme: 'https', permanent: true } },
  fields: {
    headers: {
      customRequestHeaders: { 'X-Added': 'by limpet', 'X-Secret': '', 'X-Forwarded-Proto': 'https' },
      customResponseHeaders: { 'X-Frame-Options': 'DENY', 'Content-Type': '' },
    },
  },
  cors: {
    headers: {
      accessControlAllowOriginList: ['https://app.example'], accessControlAllowMethods: ['GET', 'PUT'],
      accessControlAllowHeaders: ['X-Token'], accessControlExposeHeaders: ['X-Total'],
      accessControlAllowCredentials: true, accessControlMaxAge: 600, addVaryHeader: true,
    },
  },
  outer: { chain: { middlewares: ['auth', 'inner'] } },
  inner: { chain: { middlewares: ['strip-chained', 'add'] } },
  'strip-chained': { stripPrefix: { prefixes: ['/outer'] } },
};

describe('middlewares', { timeout: 90_000 }, () => {
  let server;
  let limpet;
  /** Each middleware has a router, /NAME, for itself. */
  const dynamic = (changed = {}) => {
    const middlewares = { ...MIDDLEWARES, ...changed };
    const routers = {};
    for (const name of Object.keys(middlewares)) {
      routers[name] = { rule: `PathPrefix(\`/${name}\`)`, service: 'app', middlewares: [name] };
    }
    return {
      http: { routers, middlewares, services: { app: { loadBalancer: { servers: [{ url: server.url }] } } } },
    };
  };
  before(async () => {
    server = await startNamed('a');
    limpet = await startLimpet(dynamic(), { flags: ['--entryPoints.web.forwardedHeaders.trustedIPs=127.0.0.3'] });
  });
  after(async () => {
    assert.equal(await limpet?.stop(), 0);
    await stopAll(server);
  });

  const from = (localAddress) => ({ port: limpet.port, host: '127.0.0.1', localAddress });
  const reached = (path) => server.requests.filter(({ url }) => url.startsWith(path)).length;

  it('are all in force', async () => {
    for (const { name, status, error } of await limpet.api('/api/http/middlewares')) {
      assert.equal(status, 'enabled', `${name}: ${error}`);
    }
  });

  it('stripPrefix takes the prefix off, and tells the server', async () => {
    for (const [path, stripped] of [['/strip/x?y=/strip', '/x?y=/strip'], ['/strip', '/'], ['/strip/', '/'],
      ['/strip/deep/x', '/deep/x'], ['/strip/a%2Fb', '/a%2Fb']]) {
      const { echo } = await visit(limpet.port, path);
      assert.equal(echo.url, stripped);
      assert.equal(echo.headers['x-forwarded-prefix'], '/strip');
    }
    const tunnel = await openTunnel(`${limpet.url}/strip/tunnel`);
    assert.equal(tunnel.server, 'a');
    tunnel.socket.terminate();
  });

  it('addPrefix puts one before it', async () => {
    assert.equal((await visit(limpet.port, '/add/x?y=1')).echo.url, '/added/add/x?y=1');
  });

  it('replacePath replaces it, and tells the server', async () => {
    const { echo } = await visit(limpet.port, '/replace/this?y=1');
    assert.equal(echo.url, '/replaced?y=1');
    assert.equal(echo.headers['x-replaced-path'], '/replace/this?y=1');
  });

  describe('basicAuth', () => {
    it('asks those who say nothing, or something else', async () => {
      for (const fields of [{}, { Authorization: 'Bearer x' }, { Authorization: 'Basic !!!' }, login('bea', 'wrong'),
        login('moe', 'Secret'), login('sue', ''), login('nobody'), login('')]) {
        const response = await visit(limpet.port, '/auth', fields);
        assert.equal(response.status, 401);
        assert.equal(response.get('www-authenticate'), 'Basic realm="the sea"');
      }
      assert.equal((await openTunnel(`${limpet.url}/auth`)).status, 401);
      assert.equal(reached('/auth'), 0);
    });

    it('lets in who knows the password, of every kind of hash, and keeps it from the server', async () => {
      for (const user of ['bea', 'moe', 'sue']) {
        const { server: name, echo } = await visit(limpet.port, '/auth', { ...login(user), 'X-User': 'root' });
        assert.equal(name, 'a', user);
        assert.equal(echo.headers['x-user'], user);
        assert.equal(echo.headers.authorization, undefined);
      }
      const tunnel = await openTunnel(`${limpet.url}/auth`, login('bea'));
      assert.equal(tunnel.server, 'a');
      tunnel.socket.terminate();
    });

    it('keeps no one else waiting while it computes', async () => {
      // New settings, so that no password is known already.
      await limpet.reconfigure(dynamic({ auth: { basicAuth: { users: [...USERS], realm: 'another sea' } } }));
      const all = Array.from({ length: 12 }, (_, i) => visit(limpet.port, '/auth', login('bea', i % 4 ? 'secret' : `no ${i}`)));
      let answered = 0;
      for (const each of all) each.then(() => { ++answered; });
      for (let i = 0; i < 5; ++i) assert.equal((await visit(limpet.port, '/add')).status, 200);
      assert.ok(answered < all.length, 'requests without a password went by meanwhile');
      for (const [i, each] of all.entries()) assert.equal((await each).status, i % 4 ? 200 : 401);
      await limpet.reconfigure(dynamic());
    });
  });

  it('ipAllowList lets in those on the list', async () => {
    assert.equal((await visit(from('127.0.0.2'), '/local')).status, 200);
    assert.equal((await visit(from('127.0.0.1'), '/local')).status, 403);
    assert.equal((await visit(from('127.0.0.1'), '/local', { 'X-Forwarded-For': '127.0.0.2' })).status, 403);
    assert.equal((await openTunnel(`${limpet.url}/local`)).status, 403);
    assert.equal(reached('/local'), 1);
  });

  it('ipAllowList believes X-Forwarded-For of those who are trusted', async () => {
    const status = async (address, value) => (await visit(from(address), '/forwarded', { 'X-Forwarded-For': value })).status;
    assert.equal(await status('127.0.0.3', '203.0.113.1, 192.0.2.7'), 200);
    assert.equal(await status('127.0.0.3', '192.0.2.7, 203.0.113.1'), 404);
    assert.equal(await status('127.0.0.1', '192.0.2.7'), 404);
  });

  it('rateLimit answers 429 beyond the burst, by client address', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => visit(from('127.0.0.5'), '/rate')));
    const refused = answers.filter(({ status }) => status === 429);
    assert.equal(answers.length - refused.length, 3);
    for (const each of refused) {
      assert.ok(Number(each.get('retry-after')) > 3000 && Number(each.get('retry-after')) <= 3600);
      assert.match(each.get('x-retry-in'), /^(1h|59m)/);
    }
    assert.equal((await visit(from('127.0.0.6'), '/rate')).status, 200);
    await limpet.reconfigure(dynamic({ unrelated: { addPrefix: { prefix: '/x' } } }));
    assert.equal((await visit(from('127.0.0.5'), '/rate')).status, 429, 'a reload forgives nothing');
  });

  it('rateLimit goes by a header if told so', async () => {
    const statuses = async (key) => Promise.all([1, 2, 3].map(async () =>
      (await visit(limpet.port, '/rate-by-header', { 'X-Key': key })).status));
    assert.deepEqual((await statuses('one')).sort(), [200, 200, 429]);
    assert.deepEqual((await statuses('two')).sort(), [200, 200, 429]);
  });

  it('inFlightReq counts WebSockets as long as they are open', async () => {
    const tunnels = [await openTunnel(`${limpet.url}/in-flight`), await openTunnel(`${limpet.url}/in-flight`)];
    const { port } = limpet;
    const host = `127.0.0.1:${port}`;
    const refused = await ask(port, get('/in-flight', '', host));
    assert.equal(refused.status, 429);
    assert.equal(refused.body, 'max connections reached: 2');
    assert.equal((await openTunnel(`${limpet.url}/in-flight`)).status, 429);
    assert.equal((await ask(port, get('/in-flight', '', 'other.example'))).status, 200, 'another host has its own');
    await limpet.reconfigure(dynamic({ unrelated: { addPrefix: { prefix: '/y' } } }));
    assert.equal((await ask(port, get('/in-flight', '', host))).status, 429, 'places survive a reload');
    tunnels[0].socket.terminate();
    await until('a place to be free', async () => (await ask(port, get('/in-flight', '', host))).status === 200);
    tunnels[1].socket.terminate();
  });

  it('inFlightReq holds under load', async () => {
    server.mostInFlight = 0;
    const held = [];
    server.onRequest = (request, response) => { held.push(response); return true; };
    const all = Array.from({ length: 30 }, () => visit(limpet.port, '/in-flight'));
    await until('28 refusals', () => held.length === 2);
    const first = await Promise.race(all);
    assert.equal(first.status, 429);
    server.onRequest = undefined;
    for (const response of held) response.end('late');
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    assert.ok(server.mostInFlight <= 2);
    assert.ok(statuses.filter((status) => status === 429).length <= 28);
    assert.ok(statuses.every((status) => status === 429 || status === 200));
  });

  it('redirectScheme redirects, with the status that keeps the method', async () => {
    const post = (path) => `POST ${path} HTTP/1.1\r\nHost: test.example:8080\r\nContent-Length: 2\r\n\r\nhi`;
    for (const [request, status, location] of [
      [get('/https/x?y=1'), 302, 'https://test.example:8443/https/x?y=1'],
      [post('/https'), 307, 'https://test.example:8443/https'],
      [get('/https-for-good'), 301, 'https://test.example/https-for-good'],
      [post('/https-for-good'), 308, 'https://test.example/https-for-good'],
    ]) {
      const response = await ask(limpet.port, request);
      assert.equal(response.status, status);
      assert.equal(response.get('location'), location);
    }
    assert.equal(reached('/https'), 0);
    const secure = await visit(from('127.0.0.3'), '/https-for-good', { 'X-Forwarded-Proto': 'https' });
    assert.equal(secure.status, 200, 'a trusted proxy says that it is https already');
    assert.equal((await visit(from('127.0.0.1'), '/https-for-good', { 'X-Forwarded-Proto': 'https' })).status, 301);
  });

  it('headers sets and removes fields both ways', async () => {
    const response = await ask(limpet.port, get('/fields', 'X-Secret: 1\r\nX-Added: by the client\r\n'));
    assert.equal(response.get('x-frame-options'), 'DENY');
    assert.equal(response.get('content-type'), undefined);
    const { headers } = JSON.parse(response.body);
    assert.equal(headers['x-added'], 'by limpet');
    assert.equal(headers['x-secret'], undefined);
    assert.equal(headers['x-forwarded-proto'], 'https');
  });

  it('headers answers preflights, and marks answers for the origins allowed', async () => {
    const preflight = (origin) => ask(limpet.port, `OPTIONS /cors HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\n`
      + 'Access-Control-Request-Method: PUT\r\n\r\n');
    const allowed = await preflight('https://app.example');
    assert.equal(allowed.status, 200);
    for (const [name, value] of Object.entries({
      'Access-Control-Allow-Origin': 'https://app.example', 'Access-Control-Allow-Methods': 'GET,PUT',
      'Access-Control-Allow-Headers': 'X-Token', 'Access-Control-Allow-Credentials': 'true', 'Access-Control-Max-Age': '600',
    })) assert.equal(allowed.get(name), value);
    assert.equal((await preflight('https://evil.example')).get('access-control-allow-origin'), undefined);
    assert.equal(reached('/cors'), 0);

    const response = await visit(limpet.port, '/cors', { Origin: 'https://app.example' });
    assert.equal(response.get('access-control-allow-origin'), 'https://app.example');
    assert.equal(response.get('access-control-expose-headers'), 'X-Total');
    assert.equal(response.get('access-control-allow-credentials'), 'true');
    assert.equal(response.get('vary'), 'Origin');
    const foreign = await visit(limpet.port, '/cors', { Origin: 'https://evil.example' });
    assert.equal(foreign.status, 200);
    assert.equal(foreign.get('access-control-allow-origin'), undefined);
  });

  it('chain passes its middlewares in their order, also within each other', async () => {
    assert.equal((await visit(limpet.port, '/outer/x')).status, 401);
    const { echo } = await visit(limpet.port, '/outer/x', login('sue'));
    assert.equal(echo.url, '/added/x');
    assert.equal(echo.headers['x-user'], 'sue');
  });

  it('keep a connection in step when they answer in the server\'s place', async () => {
    const client = await RawClient.connect(limpet.port);
    for (let i = 0; i < 3; ++i) {
      client.write('POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nGET /add HTTP/1.1\r\n\r' + get('/add'));
      assert.equal((await client.readResponse()).status, 401);
      assert.equal((await client.readResponse()).status, 200);
    }
    client.close();
  });
});
