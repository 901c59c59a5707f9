// Ways in: several entry points, IPv6, Unix sockets, PROXY protocol, redirections, and where the API is.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort, oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const plain = (urls) => oneService(urls, { sticky: undefined });
const hasIpv6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');

describe('entry points', { timeout: 60_000 }, () => {
  let server;
  before(async () => { server = await RawServer.start(({ target }) => answer(`served ${target}`)); });
  after(async () => { await server?.stop(); });

  it('are as many as wanted, and routers may choose among them', async () => {
    const [second, third] = [await freePort(), await freePort()];
    const config = plain([server.url]);
    config.http.routers = {
      everywhere: { rule: 'PathPrefix(`/`)', service: 'app' },
      second: { rule: 'PathPrefix(`/`)', service: 'none', entryPoints: ['second'], priority: 1000 },
      both: { rule: 'Path(`/both`)', service: 'app', entryPoints: ['web', 'second'], priority: 2000 },
    };
    config.http.services.none = { loadBalancer: { servers: [] } };
    const limpet = await startLimpet(config, { flags: [`--entryPoints.second.address=127.0.0.1:${second}`,
      `--entryPoints.third.address=127.0.0.1:${third}`] });
    try {
      for (const port of [limpet.port, third]) assert.equal((await ask(port, get('/'))).status, 200);
      assert.equal((await ask(second, get('/'))).status, 503);
      for (const [port, status] of [[limpet.port, 200], [second, 200], [third, 200]]) {
        assert.equal((await ask(port, get('/both'))).status, status);
      }
      const points = await limpet.api('/api/entrypoints');
      for (const name of ['web', 'second', 'third']) assert.ok(points.some((point) => point.name === name), name);
    } finally {
      await limpet.stop();
    }
  });

  it('that say asDefault are those of routers that name none', async () => {
    const second = await freePort();
    const limpet = await startLimpet(plain([server.url]), { flags: [`--entryPoints.second.address=127.0.0.1:${second}`,
      '--entryPoints.second.asDefault=true'] });
    try {
      assert.equal((await ask(second, get('/'))).status, 200);
      assert.equal((await ask(limpet.port, get('/'))).status, 404);
    } finally {
      await limpet.stop();
    }
  });

  it('may be IPv6', { skip: !hasIpv6 && 'no IPv6 here' }, async () => {
    const port = await freePort();
    const limpet = await startLimpet(plain([server.url]), { flags: [`--entryPoints.six.address=[::1]:${port}`] });
    try {
      assert.equal((await ask({ host: '::1', port }, get('/six', '', `[::1]:${port}`))).status, 200);
      const [request] = server.to('/six');
      assert.equal(request.get('x-forwarded-for'), '::1');
      assert.equal(request.get('x-forwarded-host'), `[::1]:${port}`);
      assert.equal(request.get('x-forwarded-port'), String(port));
    } finally {
      await limpet.stop();
    }
  });

  it('may be a Unix socket, which is left behind by no one and taken over from the dead', async () => {
    const start = () => startLimpet(plain([server.url]), { flags: ['--entryPoints.local.address=unix:{folder}/limpet.sock'] });
    const limpet = await start();
    const path = join(limpet.folder, 'limpet.sock');
    try {
      assert.ok(statSync(path).isSocket());
      const response = await ask({ path }, get('/unix', 'X-Forwarded-For: 1.2.3.4\r\n'));
      assert.equal(response.body, 'served /unix');
      const [request] = server.to('/unix');
      assert.equal(request.get('x-forwarded-for'), undefined);
      assert.equal(request.get('x-real-ip'), undefined);
      const client = await RawClient.connect({ path });
      for (let i = 0; i < 3; ++i) assert.equal((await client.write(get(`/unix-${i}`)).readResponse()).body, `served /unix-${i}`);
      client.close();
      // One that was killed leaves its socket; the next takes its place.
      const port = await freePort();
      const killed = await startLimpet(plain([server.url]), { flags: [`--entryPoints.local.address=unix:${path}2`] });
      process.kill(killed.pid, 'SIGKILL');
      await killed.exited;
      assert.ok(existsSync(`${path}2`));
      const next = await startLimpet(plain([server.url]), { flags: [`--entryPoints.local.address=unix:${path}2`,
        `--entryPoints.other.address=127.0.0.1:${port}`] });
      assert.equal((await ask({ path: `${path}2` }, get('/again'))).status, 200);
      assert.equal(await next.stop(), 0);
      await killed.stop();
    } finally {
      await limpet.stop();
    }
  });

  it('may redirect everything to another', async () => {
    const secure = await freePort();
    const limpet = await startLimpet(plain([server.url]), { flags: [`--entryPoints.secure.address=127.0.0.1:${secure}`,
      '--entryPoints.web.http.redirections.entryPoint.to=secure', '--entryPoints.web.http.redirections.entryPoint.scheme=https'] });
    try {
      const response = await ask(limpet.port, get('/a/b?c=d', '', 'chat.example:1234'));
      assert.equal(response.status, 301);
      assert.equal(response.get('location'), `https://chat.example:${secure}/a/b?c=d`);
      const post = await ask(limpet.port, 'POST /a HTTP/1.1\r\nHost: chat.example\r\nContent-Length: 2\r\n\r\nhi');
      assert.equal(post.status, 308);
      assert.equal((await ask(secure, get('/'))).status, 200);
    } finally {
      await limpet.stop();
    }
  });

  it('may have middlewares that come before those of routers', async () => {
    const config = plain([server.url]);
    config.http.middlewares = {
      first: { headers: { customRequestHeaders: { 'X-First': 'entry point' } } },
      second: { addPrefix: { prefix: '/added' } },
    };
    config.http.routers.all.middlewares = ['second'];
    const limpet = await startLimpet(config, { flags: ['--entryPoints.web.http.middlewares=first@file'] });
    try {
      assert.equal((await ask(limpet.port, get('/x'))).body, 'served /added/x');
      assert.equal(server.to('/added/x')[0].get('x-first'), 'entry point');
    } finally {
      await limpet.stop();
    }
  });
});

/** A PROXY protocol header of version 2. */
function proxyV2(family, source, sourcePort, command = 1, more = Buffer.alloc(0)) {
  const addresses = family === 0x11 ? Buffer.concat([Buffer.from(source), Buffer.from([10, 0, 0, 9]), Buffer.alloc(4)])
    : family === 0x21 ? Buffer.concat([Buffer.from(source), Buffer.alloc(16), Buffer.alloc(4)]) : Buffer.alloc(0);
  if (family === 0x11) addresses.writeUInt16BE(sourcePort, 8);
  if (family === 0x21) addresses.writeUInt16BE(sourcePort, 32);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(addresses.length + more.length);
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x20 | command, family]), length, addresses,
    more]).toString('latin1');
}

describe('PROXY protocol', { timeout: 60_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start(({ target }) => answer(`served ${target}`));
    limpet = await startLimpet(plain([server.url]), { flags: ['--entryPoints.web.proxyProtocol.trustedIPs=127.0.0.2,10.0.0.0/8'] });
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });
  const trusted = () => ({ host: '127.0.0.1', port: limpet.port, localAddress: '127.0.0.2' });
  let serial = 0;
  /** The client's address that the server is told. */
  async function clientBehind(header, target = trusted(), { pieces = false } = {}) {
    const path = `/proxied-${++serial}`;
    const client = await RawClient.connect(target);
    const text = header + get(path);
    if (pieces) for (const byte of text) await new Promise((resolve) => { client.socket.write(byte, 'latin1', resolve); });
    else client.write(text);
    assert.equal((await client.readResponse()).status, 200);
    client.close();
    return server.to(path)[0].get('x-forwarded-for');
  }

  it('version 1 of a trusted sender names the client', async () => {
    assert.equal(await clientBehind('PROXY TCP4 192.0.2.7 10.0.0.9 4711 80\r\n'), '192.0.2.7');
    assert.equal(await clientBehind('PROXY TCP6 2001:db8::7 2001:db8::9 4711 80\r\n'), '2001:db8::7');
    assert.equal(await clientBehind('PROXY UNKNOWN\r\n'), '127.0.0.2');
    assert.equal(await clientBehind('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), '127.0.0.2');
  });

  it('version 2 does too', async () => {
    assert.equal(await clientBehind(proxyV2(0x11, [192, 0, 2, 8], 4711)), '192.0.2.8');
    const v6 = [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 8];
    assert.equal(await clientBehind(proxyV2(0x21, v6, 4711)), '2001:db8::8');
    assert.equal(await clientBehind(proxyV2(0x11, [192, 0, 2, 9], 1, 1, Buffer.from([0xea, 0, 3, 1, 2, 3]))), '192.0.2.9');
    assert.equal(await clientBehind(proxyV2(0, [], 0, 0)), '127.0.0.2', 'LOCAL: the sender itself');
  });

  it('comes in pieces as well', async () => {
    assert.equal(await clientBehind('PROXY TCP4 192.0.2.10 10.0.0.9 4711 80\r\n', trusted(), { pieces: true }), '192.0.2.10');
    assert.equal(await clientBehind(proxyV2(0x11, [192, 0, 2, 11], 4711), trusted(), { pieces: true }), '192.0.2.11');
  });

  it('counts once for all requests of the connection', async () => {
    const client = await RawClient.connect(trusted());
    client.write(`PROXY TCP4 192.0.2.12 10.0.0.9 4711 80\r\n${get('/once-1')}${get('/once-2')}`);
    await client.readResponse();
    await client.readResponse();
    client.close();
    assert.deepEqual(server.to('/once-').map((request) => request.get('x-forwarded-for')), ['192.0.2.12', '192.0.2.12']);
  });

  it('may come before an upgrade', async () => {
    const upgrading = await RawServer.start(undefined, { onHead: (_, connection) => {
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
      return false;
    } });
    const other = await startLimpet(plain([upgrading.url]), { flags: ['--entryPoints.web.proxyProtocol.insecure=true',
      '--shutdown.tunnelGrace=0s'] });
    try {
      const client = await RawClient.connect(other.port);
      client.write(`PROXY TCP4 192.0.2.14 10.0.0.9 4711 80\r\n${get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
        + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n')}`);
      assert.equal((await client.readHead()).status, 101);
      assert.equal((await client.reader.bytes(5)).toString(), 'hello');
      assert.equal(upgrading.requests[0].get('x-real-ip'), '192.0.2.14');
      client.close();
    } finally {
      await other.stop();
      await upgrading.stop();
    }
  });

  it('does not have to be there', async () => {
    assert.equal(await clientBehind(''), '127.0.0.2');
  });

  it('of an untrusted sender is a malformed request', async () => {
    for (const header of ['PROXY TCP4 192.0.2.7 10.0.0.9 4711 80\r\n', proxyV2(0x11, [192, 0, 2, 8], 4711)]) {
      assert.equal((await ask(limpet.port, header + get('/untrusted'))).status, 400);
    }
    assert.equal(server.to('/untrusted').length, 0);
  });

  it('that is broken ends the connection', async () => {
    for (const header of ['PROXY TCP4 192.0.2.7 10.0.0.9 4711\r\n', 'PROXY TCP4 1.2.3.4.5 10.0.0.9 4711 80\r\n',
      'PROXY TCP4 192.0.2.7 10.0.0.9 99999 80\r\n', `PROXY TCP4 ${'1'.repeat(200)}\r\n`,
      proxyV2(0x11, [192, 0, 2, 8], 4711).replace('\x21', '\x31')]) {
      const client = await RawClient.connect(trusted());
      client.write(header + get('/broken'));
      assert.equal(await client.rest({ resetToo: true }), '', JSON.stringify(header));
    }
    assert.equal(server.to('/broken').length, 0);
  });

  it('of everyone counts with insecure', async () => {
    const open = await startLimpet(plain([server.url]), { flags: ['--entryPoints.web.proxyProtocol.insecure=true'] });
    try {
      assert.equal(await clientBehind('PROXY TCP4 192.0.2.13 10.0.0.9 4711 80\r\n', open.port), '192.0.2.13');
    } finally {
      await open.stop();
    }
  });
});

describe('the API', { timeout: 60_000 }, () => {
  /** Fetches with a Host of one's choice. */
  const statusOf = (port, path, headers = {}) => new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject).end();
  });

  it('with api.insecure is on entry point traefik, as in Traefik', async () => {
    const port = await freePort();
    const limpet = await startLimpet(plain([]), { flags: ['--api.insecure=true', `--entryPoints.traefik.address=127.0.0.1:${port}`,
      '--ping=true'], admin: port });
    try {
      for (const path of ['/api/overview', '/api/rawdata', '/api/version', '/api/http/routers', '/ping', '/dashboard/']) {
        assert.equal(await statusOf(port, path), 200, path);
      }
      assert.equal(await statusOf(limpet.port, '/api/overview'), 503, 'which is no server of the router for everything');
      const { body } = await ask(port, get('/api/http/services/app@file', '', 'localhost'));
      assert.equal(JSON.parse(body).name, 'app@file');
    } finally {
      await limpet.stop();
    }
  });

  it('may be a router of the user', async () => {
    const config = plain([]);
    config.http.middlewares = { login: { basicAuth: { users: ['admin:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='] } } };
    config.http.routers.api = { rule: 'Host(`api.example`)', service: 'api@internal', middlewares: ['login'], priority: 1000 };
    const limpet = await startLimpet(config);
    try {
      assert.equal((await ask(limpet.port, get('/api/overview', '', 'api.example'))).status, 401);
      const basic = Buffer.from('admin:secret').toString('base64');
      const response = await ask(limpet.port, get('/api/overview', `Authorization: Basic ${basic}\r\n`, 'api.example'));
      assert.equal(response.status, 200);
      assert.ok(JSON.parse(response.body).http);
    } finally {
      await limpet.stop();
    }
  });
});
