// Header fields on their way: heads are written anew, hop-by-hop fields stay behind, forwarding fields are ours or a
// trusted proxy's.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet } from './limpet_process.mjs';
import { RawServer, answer, ask, get } from './wire.mjs';

const plain = (urls, more = {}) => oneService(urls, { sticky: undefined, ...more });

describe('fields of requests', { timeout: 60_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start();
    limpet = await startLimpet(plain([server.url]));
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });
  /** What the server gets of a request. */
  const received = async (request) => {
    assert.equal((await ask(limpet.port, request)).status, 200);
    return server.requests.at(-1);
  };

  it('pass in their order, with their case, and repeated', async () => {
    const { head } = await received(get('/', 'X-one: 1\r\nX-TWO:  two  \r\nX-one: again\r\nX-Empty:\r\nAccept: */*\r\n'));
    assert.match(head, /\r\nX-one: 1\r\nX-TWO: two\r\nX-one: again\r\nX-Empty: ?\r\nAccept: \*\/\*\r\n/);
  });

  it('of one hop stay behind, and those that Connection names', async () => {
    const { fields } = await received(get('/', ['Connection: keep-alive, X-Mine, x-other', 'Keep-Alive: timeout=5', 'X-Mine: 1',
      'X-Other: 2', 'Proxy-Connection: keep-alive', 'Proxy-Authorization: Basic eDp5', 'TE: trailers', 'Trailer: X-Sum',
      'X-Stays: 3'].map((line) => `${line}\r\n`).join('')));
    for (const name of ['connection', 'keep-alive', 'x-mine', 'x-other', 'proxy-connection', 'proxy-authorization', 'te',
      'trailer', 'upgrade', 'transfer-encoding']) {
      assert.equal(fields.has(name), false, name);
    }
    assert.deepEqual(fields.get('x-stays'), ['3']);
  });

  it('that a server relies on cannot be named away by Connection', async () => {
    const request = await received(get('/', 'Connection: Cookie, Host, X-Forwarded-For, X-Real-Ip, Authorization\r\n'
      + 'Cookie: a=b\r\nAuthorization: x\r\n'));
    assert.equal(request.get('cookie'), 'a=b');
    assert.equal(request.get('authorization'), 'x');
    assert.equal(request.get('host'), 'test.example');
    assert.equal(request.get('x-forwarded-for'), '127.0.0.1');
    assert.equal(request.get('x-real-ip'), '127.0.0.1');
  });

  it('keep Via, and do not add to it, as in Traefik', async () => {
    assert.equal((await received(get('/', 'Via: 1.0 fred\r\n'))).get('via'), '1.0 fred');
    assert.equal((await received(get('/'))).get('via'), undefined);
  });

  it('carry Host as it came, and an absolute-form target counts more', async () => {
    assert.equal((await received(get('/', '', 'Chat.Example:8080'))).get('host'), 'Chat.Example:8080');
    const request = await received('GET http://other.example/a/b?c=d HTTP/1.1\r\nHost: test.example\r\n\r\n');
    assert.equal(request.get('host'), 'other.example');
    assert.equal(request.target, '/a/b?c=d');
  });

  it('say who asked, whatever an untrusted client says', async () => {
    const request = await received(get('/', ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil.example', 'X-Forwarded-Port: 443', 'X-Forwarded-Server: evil', 'X-Real-Ip: 1.2.3.4',
      'X-Forwarded-Prefix: /evil', 'Forwarded: for=1.2.3.4', 'X-Forwarded-Tls-Client-Cert: evil', 'X_Forwarded_For: 1.2.3.4',
      'X-Forwarded_Proto: https'].map((line) => `${line}\r\n`).join(''), 'test.example:8000'));
    assert.equal(request.get('x-forwarded-for'), '127.0.0.1');
    assert.equal(request.get('x-forwarded-proto'), 'http');
    assert.equal(request.get('x-forwarded-host'), 'test.example:8000');
    assert.equal(request.get('x-forwarded-port'), '8000');
    assert.equal(request.get('x-forwarded-server'), hostname());
    assert.equal(request.get('x-real-ip'), '127.0.0.1');
    assert.doesNotMatch(request.head, /evil|1\.2\.3\.4|https|_/);
  });

  it('say port 80 when Host has none', async () => {
    assert.equal((await received(get('/'))).get('x-forwarded-port'), '80');
  });

  it('keep the query, byte for byte', async () => {
    const target = '/a/%7Eb/c?x=1&y=%2F&&z=%zz;w';
    assert.equal((await received(get(target))).target.split('?')[1], target.split('?')[1]);
  });
});

describe('fields of trusted proxies', { timeout: 60_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start();
    limpet = await startLimpet(plain([server.url]),
      { flags: ['--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/8,127.0.0.0/8'] });
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });

  it('are kept, and the list grows by the proxy', async () => {
    await ask(limpet.port, get('/', ['X-Forwarded-For: 1.2.3.4, 10.0.0.1', 'X-Forwarded-For: 10.0.0.2', 'X-Forwarded-Proto: https',
      'X-Forwarded-Host: chat.example', 'X-Forwarded-Port: 8443', 'X-Real-Ip: 1.2.3.4', 'X-Forwarded-Prefix: /app',
      'Forwarded: for=1.2.3.4'].map((line) => `${line}\r\n`).join('')));
    const request = server.requests.at(-1);
    assert.equal(request.get('x-forwarded-for'), '1.2.3.4, 10.0.0.1, 10.0.0.2, 127.0.0.1');
    assert.equal(request.get('x-forwarded-proto'), 'https');
    assert.equal(request.get('x-forwarded-host'), 'chat.example');
    assert.equal(request.get('x-forwarded-port'), '8443');
    assert.equal(request.get('x-real-ip'), '1.2.3.4');
    assert.equal(request.get('x-forwarded-prefix'), '/app');
    assert.equal(request.get('forwarded'), 'for=1.2.3.4');
  });

  it('that are missing are made', async () => {
    await ask(limpet.port, get('/'));
    const request = server.requests.at(-1);
    assert.equal(request.get('x-forwarded-for'), '127.0.0.1');
    assert.equal(request.get('x-forwarded-proto'), 'http');
  });
});

describe('settings that concern fields', { timeout: 60_000 }, () => {
  let server;
  before(async () => { server = await RawServer.start(); });
  after(async () => { await server?.stop(); });

  it('passHostHeader: false gives the server its own address as Host', async () => {
    const limpet = await startLimpet(plain([server.url], { passHostHeader: false }));
    try {
      await ask(limpet.port, get('/'));
      assert.equal(server.requests.at(-1).get('host'), `127.0.0.1:${server.port}`);
      assert.equal(server.requests.at(-1).get('x-forwarded-host'), 'test.example');
    } finally {
      await limpet.stop();
    }
  });

  it('forwardedHeaders.insecure trusts everyone', async () => {
    const limpet = await startLimpet(plain([server.url]), { flags: ['--entryPoints.web.forwardedHeaders.insecure=true'] });
    try {
      await ask(limpet.port, get('/', 'X-Forwarded-For: 9.9.9.9\r\n'));
      assert.equal(server.requests.at(-1).get('x-forwarded-for'), '9.9.9.9, 127.0.0.1');
    } finally {
      await limpet.stop();
    }
  });

  it('preservePath puts the path of the URL before that of the request', async () => {
    const config = plain([`${server.url}/base`]);
    config.http.services.app.loadBalancer.servers[0].preservePath = true;
    const limpet = await startLimpet(config);
    try {
      await ask(limpet.port, get('/a?b=c'));
      assert.equal(server.requests.at(-1).target, '/base/a?b=c');
    } finally {
      await limpet.stop();
    }
  });

  it('maxHeaderBytes and maxHeadFields limit a head: 431', async () => {
    const limpet = await startLimpet(plain([server.url]),
      { flags: ['--entryPoints.web.http.maxHeaderBytes=2048', '--entryPoints.web.maxHeadFields=10'] });
    try {
      assert.equal((await ask(limpet.port, get('/', `X-Long: ${'x'.repeat(1900)}\r\n`))).status, 200);
      assert.equal((await ask(limpet.port, get('/', `X-Long: ${'x'.repeat(2048)}\r\n`))).status, 431);
      assert.equal((await ask(limpet.port, get('/', 'X-A: b\r\n'.repeat(9)))).status, 200);
      assert.equal((await ask(limpet.port, get('/', 'X-A: b\r\n'.repeat(10)))).status, 431);
    } finally {
      await limpet.stop();
    }
  });

  it('keepAliveMaxRequests ends a connection', async () => {
    const limpet = await startLimpet(plain([server.url]), { flags: ['--entryPoints.web.transport.keepAliveMaxRequests=2'] });
    try {
      const { RawClient } = await import('./wire.mjs');
      const client = await RawClient.connect(limpet.port);
      client.write(get('/1') + get('/2') + get('/3'));
      assert.equal((await client.readResponse()).get('connection'), undefined);
      assert.equal((await client.readResponse()).get('connection'), 'close');
      assert.equal(await client.rest({ resetToo: true }), '');
      assert.equal(server.to('/3').length, 0);
    } finally {
      await limpet.stop();
    }
  });
});

describe('fields of answers', { timeout: 60_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start(() => answer('ok', { fields: ['Connection: keep-alive, X-Mine', 'Keep-Alive: timeout=5',
      'X-Mine: 1', 'Proxy-Authenticate: Basic', 'Server: own', 'Date: Sun, 06 Nov 1994 08:49:37 GMT', 'Via: 1.1 inner',
      'WWW-Authenticate: Basic realm="a, b"', 'Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2', 'X-Stays: 3'].map((line) => `${line}\r\n`)
      .join('') }));
    limpet = await startLimpet(plain([server.url]));
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });

  it('pass, but for those of one hop; Limpet adds none of its own', async () => {
    const response = await ask(limpet.port, get('/'));
    for (const name of ['connection', 'keep-alive', 'x-mine', 'proxy-authenticate']) {
      assert.equal(response.fields.has(name), false, name);
    }
    assert.deepEqual([...response.fields.keys()].sort(), ['content-length', 'date', 'server', 'set-cookie', 'via',
      'www-authenticate', 'x-stays']);
    assert.deepEqual(response.fields.get('set-cookie'), ['a=1; Path=/', 'b=2']);
    assert.equal(response.get('server'), 'own');
    assert.equal(response.get('date'), 'Sun, 06 Nov 1994 08:49:37 GMT');
    assert.equal(response.get('via'), '1.1 inner');
  });
});
