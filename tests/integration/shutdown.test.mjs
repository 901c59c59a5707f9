// The end of a process: how long it waits for whom, and what tunnels are told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const UPGRADE = get('/tunnel', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n');
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const plain = (urls) => oneService(urls, { sticky: undefined });

describe('a stop', { timeout: 120_000 }, () => {
  /** Keeps requests for /hold, and upgrades /tunnel. */
  let server;
  const held = [];
  before(async () => {
    server = await RawServer.start(({ target }, connection) => {
      if (target !== '/hold') return answer('ok');
      held.push(connection);
      return undefined;
    }, {
      onHead: ({ target }, connection) => {
        if (target !== '/tunnel') return undefined;
        connection.write(SWITCHING);
        return false;
      },
    });
  });
  after(async () => { await server?.stop(); });

  it('comes at once when there is nothing to do, by SIGTERM and SIGINT', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      const limpet = await startLimpet(plain([server.url]), { flags: ['--shutdown.tunnelGrace=1h',
        '--entryPoints.web.transport.lifeCycle.graceTimeOut=1h'] });
      await ask(limpet.port, get('/'));
      assert.equal(await limpet.stop(signal), 0);
    }
  });

  it('waits for requests no longer than lifeCycle.graceTimeOut', async () => {
    const limpet = await startLimpet(plain([server.url]),
      { flags: ['--entryPoints.web.transport.lifeCycle.graceTimeOut=300ms'] });
    try {
      const client = await RawClient.connect(limpet.port);
      client.write(get('/hold'));
      await until('the request at the server', () => held.length);
      process.kill(limpet.pid, 'SIGTERM');
      assert.equal(await limpet.exited, 0);
      assert.equal(await client.rest({ resetToo: true }), '');
    } finally {
      await limpet.stop();
    }
  });

  it('does not take on what was pipelined behind the request in flight', async () => {
    const limpet = await startLimpet(plain([server.url]));
    try {
      held.length = 0;
      const client = await RawClient.connect(limpet.port);
      client.write(get('/hold') + get('/behind'));
      await until('the request at the server', () => held.length);
      process.kill(limpet.pid, 'SIGTERM');
      await until('new connections to be refused', () => RawClient.connect(limpet.port).then(
        (other) => { other.close(); return false; }, () => true));
      held[0].write(answer('first'));
      const first = await client.readResponse();
      assert.equal(first.body, 'first');
      assert.equal(first.get('connection'), 'close');
      assert.equal(await client.rest({ resetToo: true }), '');
      assert.equal(server.to('/behind').length, 0);
      assert.equal(await limpet.exited, 0);
    } finally {
      await limpet.stop();
    }
  });

  it('tells both ends of every tunnel 1012, of many on two threads', async () => {
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(wss, 'listening');
    const limpet = await startLimpet(plain([`http://127.0.0.1:${wss.address().port}`]), { flags: ['--shutdown.tunnelGrace=0s', '--shutdown.closeWindow=0s'] });
    try {
      const clients = Array.from({ length: 100 }, () => new WebSocket(`ws://127.0.0.1:${limpet.port}/`));
      await Promise.all(clients.map((client) => once(client, 'open')));
      const closes = [...clients, ...wss.clients].map((socket) => once(socket, 'close'));
      assert.equal(closes.length, 200);
      process.kill(limpet.pid, 'SIGTERM');
      for (const close of closes) {
        const [code, reason] = await close;
        assert.deepEqual([code, reason.toString()], [1012, 'service restart']);
      }
      assert.equal(await limpet.exited, 0);
    } finally {
      wss.close();
      await limpet.stop();
    }
  });

  it('closes tunnels one by one over closeWindow, and the rest at once at a second signal', async () => {
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(wss, 'listening');
    const limpet = await startLimpet(plain([`http://127.0.0.1:${wss.address().port}`]),
      { flags: ['--shutdown.tunnelGrace=0s', '--shutdown.closeWindow=1h'] });
    try {
      const clients = Array.from({ length: 20 }, () => new WebSocket(`ws://127.0.0.1:${limpet.port}/`));
      await Promise.all(clients.map((client) => once(client, 'open')));
      let closed = 0;
      const closes = clients.map((client) => once(client, 'close').then((told) => { ++closed; return told; }));
      process.kill(limpet.pid, 'SIGTERM');
      await until('the first to be closed', () => closed > 0);
      assert.ok(closed < clients.length, `${closed} closed together`);
      await until('more to be closed', () => closed > 2);
      assert.ok(closed < clients.length, `${closed} closed together`);
      process.kill(limpet.pid, 'SIGTERM');
      for (const told of await Promise.all(closes)) {
        assert.deepEqual([told[0], told[1].toString()], [1012, 'service restart']);
      }
      assert.equal(await limpet.exited, 0);
      assert.match(limpet.log(), /closing 20 tunnels, one by one over at most 1h/);
    } finally {
      wss.close();
      await limpet.stop();
    }
  });

  it('lets the frames under way end first, in either direction for itself', async () => {
    const limpet = await startLimpet(plain([server.url]), { flags: ['--shutdown.tunnelGrace=100ms', '--shutdown.closeWindow=0s'] });
    try {
      const client = await RawClient.connect(limpet.port);
      assert.equal((await client.write(UPGRADE).readHead()).status, 101);
      const end = server.connections.at(-1);
      // 300 bytes to the client, 5 masked ones to the server.
      const toClient = Buffer.concat([Buffer.from([0x82, 126, 1, 44]), Buffer.alloc(300, 'c')]);
      const toServer = Buffer.concat([Buffer.from([0x81, 0x85, 1, 2, 3, 4]), Buffer.alloc(5, 's')]);
      end.socket.write(toClient.subarray(0, 100));
      client.socket.write(toServer.subarray(0, 8));
      await client.reader.bytes(100);
      await end.reader.bytes(8);
      process.kill(limpet.pid, 'SIGTERM');
      await until('the tunnel to be told', () => /closing 1 tunnels/.test(limpet.log()));
      assert.ok(await client.reader.isQuietFor(100));
      assert.equal(end.reader.size, 0);
      client.socket.write(toServer.subarray(8));
      assert.ok((await end.reader.bytes(3)).equals(toServer.subarray(8)));
      const masked = await end.reader.bytes(8);
      assert.deepEqual([masked[0], masked[1] & 0x80], [0x88, 0x80]);
      assert.equal(Buffer.from([masked[6] ^ masked[2], masked[7] ^ masked[3]]).readUInt16BE(0), 1012);
      assert.equal(client.reader.size, 0);
      end.socket.write(toClient.subarray(100));
      assert.ok((await client.reader.bytes(204)).equals(toClient.subarray(100)));
      const close = await client.reader.bytes(4);
      assert.deepEqual([close[0], close.readUInt16BE(2)], [0x88, 1012]);
      client.end();
      end.socket.end();
      assert.equal(await limpet.exited, 0);
    } finally {
      await limpet.stop();
    }
  });

  it('is not held up by peers that do not answer the Close, stop within a frame, or speak no WebSocket', async () => {
    const limpet = await startLimpet(plain([server.url]), { flags: ['--shutdown.tunnelGrace=100ms', '--shutdown.closeWindow=0s'] });
    try {
      const clients = [];
      for (const start of [[], [0x81, 0x85, 1, 2], [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], [0xff]]) {
        const client = await RawClient.connect(limpet.port);
        assert.equal((await client.write(UPGRADE).readHead()).status, 101);
        client.socket.write(Buffer.from(start));
        clients.push(client);
      }
      process.kill(limpet.pid, 'SIGTERM');
      assert.equal(await limpet.exited, 0);
      for (const client of clients) assert.ok((await client.rest({ resetToo: true })).length < 64);
    } finally {
      await limpet.stop();
    }
  });
});
