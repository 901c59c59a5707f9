// Servers that fall ill and recover: seen by Limpet's own checks, or by the requests that fail.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { freePort, oneService, startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, visit } from './named_server.mjs';

const statusOf = async (limpet, url) => (await limpet.api('/api/servers')).find((each) => each.url === url);

/** Answers /health with `status`, everything else as ever. */
const ill = (status) => (request, response) => {
  if (!request.url.startsWith('/health')) return false;
  response.writeHead(status).end();
  return true;
};

describe('active checks', { timeout: 60_000 }, () => {
  let a;
  let b;
  let limpet;
  const healthCheck = {
    path: '/health?deep=1', interval: '50ms', timeout: '5s', hostname: 'check.example', headers: { 'X-Check': 'limpet' },
  };
  before(async () => {
    [a, b] = [await startNamed('a'), await startNamed('b')];
    limpet = await startLimpet(oneService([a.url, b.url], { healthCheck }));
    await until('both to be up', async () => (await limpet.api('/api/servers')).every(({ status }) => status === 'up'));
  });
  after(async () => {
    assert.equal(await limpet?.stop(), 0);
    await stopAll(a, b);
  });

  const valueOf = async (server) => (await statusOf(limpet, server.url)).cookieValue;
  const bound = async (server) => ({ cookie: `ws-session=${await valueOf(server)}` });
  const untilIs = (server, status) =>
    until(`${server.name} to be ${status}`, async () => (await statusOf(limpet, server.url)).status === status);

  it('ask as configured', () => {
    const check = a.requests.find(({ url }) => url === '/health?deep=1');
    assert.equal(check.method, 'GET');
    assert.equal(check.headers.host, 'check.example');
    assert.equal(check.headers['x-check'], 'limpet');
  });

  it('take a server down and up; its tunnels stay open, its users move', async () => {
    const { socket } = await openTunnel(limpet.url, await bound(a));
    let closed = false;
    socket.on('close', () => { closed = true; });

    a.onRequest = ill(500);
    await untilIs(a, 'down');
    assert.match(limpet.log(), new RegExp(`server ${a.url} of app@file is down: .*500`));
    for (let i = 0; i < 10; ++i) {
      const moved = await visit(limpet.port, '/', await bound(a));
      assert.equal(moved.server, 'b');
      assert.equal(moved.cookie, await valueOf(b));
      assert.equal((await visit(limpet.port)).server, 'b');
    }
    const echo = new Promise((resolve) => { socket.once('message', (data) => resolve(data.toString())); });
    socket.send('still here');
    assert.equal(await echo, 'still here');
    assert.equal(closed, false);
    const { serverStatus } = await limpet.api('/api/http/services/app@file');
    assert.equal(serverStatus[a.url], 'DOWN');
    assert.equal(serverStatus[b.url], 'UP');

    a.onRequest = undefined;
    await untilIs(a, 'up');
    assert.match(limpet.log(), new RegExp(`server ${a.url} of app@file is up again`));
    assert.equal((await visit(limpet.port, '/', await bound(a))).server, 'a');
    const seen = new Set();
    for (let i = 0; i < 4; ++i) seen.add((await visit(limpet.port)).server);
    assert.deepEqual([...seen].sort(), ['a', 'b']);
    assert.equal(closed, false);
    socket.terminate();
  });

  it('take a server that does not answer as down', async () => {
    a.onRequest = (request) => request.url.startsWith('/health');
    await limpet.reconfigure(oneService([a.url, b.url], { healthCheck: { ...healthCheck, timeout: '100ms' } }));
    await untilIs(a, 'down');
    a.onRequest = undefined;
    await untilIs(a, 'up');
  });

  it('want the status that is configured', async () => {
    a.onRequest = ill(418);
    await untilIs(a, 'down');
    await limpet.reconfigure(oneService([a.url], { healthCheck: { ...healthCheck, status: 418 } }));
    await untilIs(a, 'up');
    a.onRequest = undefined;
    await untilIs(a, 'down');
  });

  it('say 503 when no server is up', async () => {
    const response = await visit(limpet.port);
    assert.equal(response.status, 503);
    assert.equal(response.get('limpet-reason'), 'no-server');
  });

  it('leave a server unknown, which takes users, when they are taken out of the configuration', async () => {
    await limpet.reconfigure(oneService([a.url]));
    await untilIs(a, 'unknown');
    assert.equal((await visit(limpet.port)).server, 'a');
  });

  it('may go to another port', async () => {
    const port = await freePort();
    await limpet.reconfigure(oneService([a.url], { healthCheck: { ...healthCheck, port } }));
    await untilIs(a, 'down');
    const checks = await startNamed('checks', { port });
    try {
      await untilIs(a, 'up');
      assert.equal((await visit(limpet.port)).server, 'a');
    } finally {
      await checks.stop();
    }
  });
});

describe('passive checks', { timeout: 60_000 }, () => {
  const WINDOW = '4s';
  let a;
  let b;
  let limpet;
  before(async () => {
    [a, b] = [await startNamed('a'), await startNamed('b')];
    limpet = await startLimpet(oneService([a.url, b.url], {
      passiveHealthCheck: { failureWindow: WINDOW, maxFailedAttempts: 3 },
    }));
  });
  after(() => stopAll(limpet, a, b));

  it('eject a server whose answers break, for as long as the window, and no earlier than the limit', async () => {
    const { cookieValue } = await statusOf(limpet, a.url);
    const fields = { cookie: `ws-session=${cookieValue}` };
    const { socket } = await openTunnel(limpet.url, fields);
    const broken = (request, response) => {
      response.socket.write('HTTP/1.1 200 OK\r\nContent-Length: none of your business\r\n\r\n');
      response.socket.end();
      return true;
    };
    a.onRequest = broken;
    for (let i = 0; i < 3; ++i) {
      assert.equal((await statusOf(limpet, a.url)).ejected, false);
      assert.equal((await visit(limpet.port, '/', fields)).status, 502);
    }
    const ejected = await statusOf(limpet, a.url);
    assert.equal(ejected.ejected, true);
    assert.equal(ejected.status, 'down');
    assert.match(limpet.log(), new RegExp(`server ${a.url} failed 3 times within 4s`));
    const asked = a.requests.length;
    for (let i = 0; i < 10; ++i) assert.equal((await visit(limpet.port, '/', fields)).server, 'b');
    assert.equal(a.requests.length, asked, 'it gets no requests');
    assert.equal(socket.readyState, 1, 'its tunnels stay');

    a.onRequest = undefined;
    await until('a to be back', async () => !(await statusOf(limpet, a.url)).ejected);
    assert.equal((await visit(limpet.port, '/', fields)).server, 'a');
    socket.terminate();
  });

  it('eject a server that refuses connections; nobody sees a failure', async () => {
    const { cookieValue } = await statusOf(limpet, a.url);
    await a.stop();
    for (let i = 0; i < 3; ++i) {
      assert.equal((await visit(limpet.port, '/', { cookie: `ws-session=${cookieValue}` })).server, 'b');
    }
    assert.equal((await statusOf(limpet, a.url)).ejected, true);
  });
});
