// Time limits, and how long and how many connections are kept.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const plain = (urls, more = {}) => oneService(urls, { sticky: undefined, ...more });
const web = (setting) => `--entryPoints.web.transport.${setting}`;

/** Runs `use` with a limpet of these settings in front of a server. */
async function withServer(onRequest, { settings, flags }, use) {
  const server = await RawServer.start(onRequest);
  const limpet = await startLimpet(plain([server.url], settings), { flags: ['--dataPath.threads=1', ...flags ?? []] });
  try {
    await use({ limpet, server });
  } finally {
    assert.equal(await limpet.stop(), 0);
    await server.stop();
  }
}

describe('time limits', { timeout: 120_000 }, () => {
  it('responseTimeout: a server that does not answer is a 504, and asked once', () => withServer(
    ({ target }) => (target === '/quick' ? answer('quick') : undefined), { settings: { responseTimeout: '1s' } },
    async ({ limpet, server }) => {
      const client = await RawClient.connect(limpet.port);
      const response = await client.write(get('/slow')).readResponse();
      assert.equal(response.status, 504);
      assert.match(response.get('limpet-reason'), /server/);
      assert.equal(server.to('/slow').length, 1);
      // The client's connection goes on; that to the server does not.
      assert.equal((await client.write(get('/quick')).readResponse()).body, 'quick');
      assert.notEqual(server.to('/quick')[0].connection, server.to('/slow')[0].connection);
      client.close();
    }));

  it('responseTimeout: is over with the first byte of the answer', () => withServer(
    (_, { write }) => { setTimeout(() => write('ok'), 1500); return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'; },
    { settings: { responseTimeout: '1s' } },
    async ({ limpet }) => assert.equal((await ask(limpet.port, get('/'))).body, 'ok')));

  it('responseTimeout: begins when the request has been sent', () => withServer(() => answer('thanks'),
    { settings: { responseTimeout: '1s' } }, async ({ limpet, server }) => {
      const client = await RawClient.connect(limpet.port);
      client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
      await until('the head at the server', () => server.connections.length);
      assert.ok(await client.reader.isQuietFor(1500));
      assert.equal((await client.write('cd').readResponse()).body, 'thanks');
      client.close();
    }));

  it('readTimeout: a connection on which nothing comes is closed', () => withServer(undefined,
    { flags: [web('respondingTimeouts.readTimeout=300ms')] }, async ({ limpet }) => {
      const client = await RawClient.connect(limpet.port);
      assert.equal(await client.rest(), '');
    }));

  it('readTimeout: a head that drips in slowly has no more time than one that stops', () => withServer(undefined,
    { flags: [web('respondingTimeouts.readTimeout=400ms')] }, async ({ limpet }) => {
      const client = await RawClient.connect(limpet.port);
      const drip = setInterval(() => client.write('X-A: b\r\n'), 50);
      try {
        client.write('GET / HTTP/1.1\r\nHost: a\r\n');
        assert.equal((await client.readResponse()).status, 408);
      } finally {
        clearInterval(drip);
        client.close();
      }
    }));

  it('writeTimeout: a client that takes nothing is dropped, and the server with it', () => withServer(
    (_, { socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * 1024 * 1024}\r\n\r\n`);
      socket.write(Buffer.alloc(64 * 1024 * 1024));
    }, { flags: [web('respondingTimeouts.writeTimeout=500ms')] }, async ({ limpet, server }) => {
      const client = await RawClient.connect(limpet.port);
      client.write(get('/'));
      await client.readHead();
      client.reader.pause();
      await until('the server connection to be closed', () => server.connections[0].reader.ended);
      client.close();
    }));

  it('idleTimeout: an idle connection is closed, one in use is not', () => withServer(undefined,
    { flags: [web('respondingTimeouts.idleTimeout=1500ms')] }, async ({ limpet }) => {
      const [idle, used] = [await RawClient.connect(limpet.port), await RawClient.connect(limpet.port)];
      await idle.write(get('/')).readResponse();
      const begun = performance.now();
      while (performance.now() - begun < 3000) {
        await used.write(get('/')).readResponse();
        await used.reader.isQuietFor(50);
      }
      assert.equal(await idle.rest(), '');
      assert.equal((await used.write(get('/')).readResponse()).status, 200);
      used.close();
    }));

  it('idleTimeout: does not end a request that takes its time', () => withServer(
    (_, { write }) => { setTimeout(() => write(answer('late')), 2000); },
    { flags: [web('respondingTimeouts.idleTimeout=1s'), web('respondingTimeouts.readTimeout=1s')] },
    async ({ limpet }) => assert.equal((await ask(limpet.port, get('/'))).body, 'late')));

  it('keepAliveMaxTime: the first answer after that says close', () => withServer(undefined,
    { flags: [web('keepAliveMaxTime=1s')] }, async ({ limpet }) => {
      const client = await RawClient.connect(limpet.port);
      assert.equal((await client.write(get('/')).readResponse()).get('connection'), undefined);
      assert.ok(await client.reader.isQuietFor(1200));
      assert.equal((await client.write(get('/')).readResponse()).get('connection'), 'close');
      assert.equal(await client.rest(), '');
    }));
});

describe('kept connections to a server', { timeout: 60_000 }, () => {
  let held;
  const hold = ({ target }, { write }) => {
    if (target !== '/hold') return answer('ok');
    held.push(() => write(answer('held')));
    return undefined;
  };
  before(() => { held = []; });
  after(() => { held = []; });

  it('are no more than maxIdleConnectionsPerServer', () => withServer(hold, { flags: ['--dataPath.maxIdleConnectionsPerServer=3'] },
    async ({ limpet, server }) => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(limpet.port)));
      for (const client of clients) client.write(get('/hold'));
      await until('all at the server', () => held.length === 10);
      held.splice(0).forEach((release) => release());
      for (const client of clients) assert.equal((await client.readResponse()).body, 'held');
      await until('the others to be closed', () => server.open === 3);
      for (let i = 0; i < 5; ++i) await ask(limpet.port, get('/'));
      assert.equal(server.connections.length, 10);
      for (const client of clients) client.close();
    }));

  it('are none with maxIdleConnectionsPerServer=0', () => withServer(hold, { flags: ['--dataPath.maxIdleConnectionsPerServer=0'] },
    async ({ limpet, server }) => {
      for (let i = 0; i < 4; ++i) assert.equal((await ask(limpet.port, get('/'))).body, 'ok');
      assert.equal(server.connections.length, 4);
    }));

  it('are closed before the server says it would: Keep-Alive: timeout', () => withServer(
    ({ target }) => answer('ok', { fields: `Keep-Alive: timeout=${target === '/one' ? 1 : 2}\r\n` }), {},
    async ({ limpet, server }) => {
      await ask(limpet.port, get('/one'));
      await until('it to be closed at once', () => server.open === 0);
      await ask(limpet.port, get('/two'));
      assert.equal(server.open, 1);
      const begun = performance.now();
      await until('it to be closed', () => server.open === 0);
      assert.ok(performance.now() - begun < 1900);
    }));

  it('are closed when the server leaves the configuration', () => withServer(hold, {}, async ({ limpet, server }) => {
    await ask(limpet.port, get('/'));
    assert.equal(server.open, 1);
    await limpet.reconfigure(plain(['http://127.0.0.1:1']));
    await until('it to be closed', () => server.open === 0);
  }));
});
