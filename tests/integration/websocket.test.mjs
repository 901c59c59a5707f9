// WebSocket tunnels: whatever the ws package says on one side arrives unchanged on the other, and on the wire not a byte
// is lost, added or passed before its time.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, get } from './wire.mjs';

const plain = (urls, more = {}) => oneService(urls, { sticky: undefined, ...more });
const MIB = 1024 * 1024;

describe('tunnels between ws and ws', { timeout: 120_000 }, () => {
  let echo;
  let limpet;
  /** The server's end of each connection, the last one last. */
  const ends = [];
  before(async () => {
    echo = new WebSocketServer({
      port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 }, maxPayload: 8 * MIB,
      handleProtocols: (protocols) => [...protocols].find((name) => name.startsWith('chat')) ?? false,
    });
    await once(echo, 'listening');
    echo.on('connection', (socket, request) => {
      ends.push(socket);
      socket.upgradeRequest = request;
      socket.on('message', (data, isBinary) => { socket.send(data, { binary: isBinary }); });
    });
    limpet = await startLimpet(plain([`http://127.0.0.1:${echo.address().port}`]));
  });
  after(async () => {
    for (const socket of echo?.clients ?? []) socket.terminate();
    await limpet?.stop();
    echo?.close();
  });

  /** Opens a tunnel; with perMessageDeflate off unless asked for. */
  async function open(options = {}, protocols = [], path = '/') {
    const socket = new WebSocket(limpet.url.replace('http', 'ws') + path, protocols, { perMessageDeflate: false, ...options });
    await once(socket, 'open');
    return [socket, ends.at(-1)];
  }
  async function echoed(socket, data, options) {
    const heard = once(socket, 'message');
    socket.send(data, options);
    return heard;
  }

  it('carry text and binary messages, of every size that frames write in another way', async () => {
    const [socket] = await open();
    for (const size of [0, 1, 125, 126, 127, 65535, 65536, 65537, MIB]) {
      const bytes = randomBytes(size);
      const [data, isBinary] = await echoed(socket, bytes);
      assert.equal(isBinary, true);
      assert.ok(data.equals(bytes), `${size} bytes`);
      const text = '\u00e4\u{1F419}x'.repeat(Math.ceil(size / 7));
      const [answered, binary] = await echoed(socket, text);
      assert.equal(binary, false);
      assert.equal(answered.toString(), text);
    }
    socket.terminate();
  });

  it('carry many messages in order, both ways at once', async () => {
    const [socket] = await open();
    const count = 5000;
    const heard = [];
    socket.on('message', (data) => heard.push(data.toString()));
    for (let i = 0; i < count; ++i) socket.send(`message ${i}`);
    await until('all echoes', () => heard.length === count);
    assert.deepEqual(heard, Array.from({ length: count }, (_, i) => `message ${i}`));
    socket.terminate();
  });

  it('carry fragmented messages, a ping between the fragments', async () => {
    const [socket, end] = await open();
    const heard = once(socket, 'message');
    const pinged = once(end, 'ping');
    socket.send('one ', { fin: false });
    socket.ping('in between');
    socket.send('two ', { fin: false });
    socket.send('three', { fin: true });
    assert.equal((await pinged)[0].toString(), 'in between');
    assert.equal((await heard)[0].toString(), 'one two three');
    socket.terminate();
  });

  it('carry pings and pongs both ways', async () => {
    const [socket, end] = await open();
    const payload = randomBytes(125);
    let pong = once(socket, 'pong');
    socket.ping(payload);
    assert.ok((await pong)[0].equals(payload));
    pong = once(end, 'pong');
    end.ping('server');
    assert.equal((await pong)[0].toString(), 'server');
    // One that nobody asked for.
    pong = once(end, 'pong');
    socket.pong('unasked');
    assert.equal((await pong)[0].toString(), 'unasked');
    socket.terminate();
  });

  it('carry close codes and reasons both ways', async () => {
    for (const [code, reason] of [[1000, ''], [1001, 'away'], [1008, 'policy'], [1011, 'broken'], [3000, 'library'], [4999, 'mine']]) {
      let [socket, end] = await open();
      let closed = once(end, 'close');
      socket.close(code, reason);
      let [gotCode, gotReason] = await closed;
      assert.deepEqual([gotCode, gotReason.toString()], [code, reason]);
      [socket, end] = await open();
      closed = once(socket, 'close');
      end.close(code, reason);
      [gotCode, gotReason] = await closed;
      assert.deepEqual([gotCode, gotReason.toString()], [code, reason]);
    }
  });

  it('tell a close without a code, and a connection that just ends', async () => {
    let [socket, end] = await open();
    let closed = once(end, 'close');
    socket.close();
    assert.equal((await closed)[0], 1005);
    [socket, end] = await open();
    closed = once(end, 'close');
    socket.terminate();
    assert.equal((await closed)[0], 1006);
    [socket, end] = await open();
    closed = once(socket, 'close');
    end.terminate();
    assert.equal((await closed)[0], 1006);
  });

  it('carry permessage-deflate as negotiated', async () => {
    const [socket, end] = await open({ perMessageDeflate: { threshold: 0, serverNoContextTakeover: true } });
    assert.equal(socket.extensions, 'permessage-deflate');
    assert.equal(end.extensions, 'permessage-deflate');
    assert.match(end.upgradeRequest.headers['sec-websocket-extensions'], /permessage-deflate.*server_no_context_takeover/);
    for (const text of ['again and again '.repeat(10_000), 'x', '']) {
      assert.equal((await echoed(socket, text))[0].toString(), text);
    }
    const bytes = randomBytes(MIB);
    assert.ok((await echoed(socket, bytes))[0].equals(bytes));
    socket.terminate();
  });

  it('negotiate subprotocols end to end', async () => {
    const [socket, end] = await open({}, ['other', 'chat.v2', 'chat.v1']);
    assert.equal(socket.protocol, 'chat.v2');
    assert.equal(end.protocol, 'chat.v2');
    assert.equal(end.upgradeRequest.headers['sec-websocket-protocol'], 'other,chat.v2,chat.v1');
    socket.terminate();
  });

  it('tell the server path, query, cookies, origin and who asks', async () => {
    const [socket, end] = await open({ headers: { cookie: 'a=b', origin: 'http://page.example' } }, [], '/chat?room=1');
    const { url, headers } = end.upgradeRequest;
    assert.equal(url, '/chat?room=1');
    assert.equal(headers.cookie, 'a=b');
    assert.equal(headers.origin, 'http://page.example');
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-forwarded-proto'], 'ws');
    assert.equal(headers.connection, 'Upgrade');
    assert.equal(headers.upgrade, 'websocket');
    socket.terminate();
  });

  it('hold up a sender whose receiver does not read, in bounded memory', async () => {
    const [socket, end] = await open();
    end.removeAllListeners('message');
    let got = 0;
    end.on('message', (data) => { got += data.length; });
    end.pause();
    const total = 64 * MIB;
    for (let sent = 0; sent < total; sent += MIB) socket.send(Buffer.alloc(MIB));
    await until('the sender to be held up', async () => {
      const before = socket.bufferedAmount;
      await new Promise((resolve) => { setTimeout(resolve, 200); });
      return socket.bufferedAmount === before;
    });
    assert.ok(socket.bufferedAmount > total / 2, `only ${socket.bufferedAmount} bytes wait at the sender`);
    end.resume();
    await until('the rest', () => got === total, 30_000);
    socket.terminate();
  });

  it('are counted, by bytes and messages', async () => {
    const table = async () => (await limpet.api('/api/servers'))[0];
    await until('earlier tunnels to end', async () => (await table()).tunnels === 0);
    const before = await table();
    const [socket] = await open();
    for (let i = 0; i < 10; ++i) await echoed(socket, 'x'.repeat(100));
    const after = await table();
    assert.equal(after.tunnels, 1);
    assert.equal(after.traffic.messagesToServer - before.traffic.messagesToServer, 10);
    assert.equal(after.traffic.messagesToClient - before.traffic.messagesToClient, 10);
    // The frames: two bytes of header, four of mask on the way to the server.
    assert.equal(after.traffic.bytesToServer - before.traffic.bytesToServer, 10 * 106);
    assert.equal(after.traffic.bytesToClient - before.traffic.bytesToClient, 10 * 102);
    socket.terminate();
    await until('the tunnel to end', async () => (await table()).tunnels === 0);
  });
});

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const accept = (key) => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const upgrade = (path, fields = '') => get(path,
  `Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${fields}`);
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  + `Sec-WebSocket-Accept: ${accept(KEY)}\r\n`;

describe('tunnels on the wire', { timeout: 120_000 }, () => {
  let server;
  let limpet;
  let last;
  before(async () => {
    server = await RawServer.start((request) => answer(`plain ${request.target}`), {
      onHead: (request, connection) => {
        last = connection;
        switch (request.target) {
          case '/at-once': connection.write(`${switching}\r\nwelcome, with the head`); return false;
          case '/later': return false;
          case '/silent': connection.write(`${switching}\r\n`); return false;
          case '/fields':
            connection.write(`${switching}X-Custom: yes\r\nSet-Cookie: a=1\r\nKeep-Alive: timeout=5\r\nServer: own\r\n\r\n`);
            return false;
          case '/hints': connection.write(`HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${switching}\r\nhi`); return false;
          case '/other-protocol':
            connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
            return false;
          case '/tcp': connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'); return false;
          default: return undefined;
        }
      },
    });
    limpet = await startLimpet(plain([server.url]), { flags: ['--shutdown.tunnelGrace=0s'] });
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });

  const open = async (path) => {
    const client = await RawClient.connect({ host: '127.0.0.1', port: limpet.port, allowHalfOpen: true });
    const response = await client.write(upgrade(path)).readHead();
    assert.equal(response.status, 101);
    return client;
  };

  it('pass what the server sends in one packet with the 101', async () => {
    const client = await open('/at-once');
    assert.equal((await client.reader.bytes(22)).toString(), 'welcome, with the head');
    client.close();
  });

  it('pass early data, sent behind the upgrade request, once and only after the request', async () => {
    const client = await RawClient.connect(limpet.port);
    client.write(`${upgrade('/later')}early data`);
    await until('the request at the server', () => server.to('/later').length);
    assert.ok(await last.reader.isQuietFor(100), 'nothing goes before the server agrees');
    last.write(`${switching}\r\n`);
    assert.equal((await client.readHead()).status, 101);
    assert.equal((await last.reader.bytes(10)).toString(), 'early data');
    client.write(' and more');
    assert.equal((await last.reader.bytes(9)).toString(), ' and more');
    client.close();
  });

  it('take early data for the next request when the server does not switch', async () => {
    const client = await RawClient.connect(limpet.port);
    client.write(upgrade('/refused') + get('/next'));
    assert.equal((await client.readResponse()).body, 'plain /refused');
    assert.equal((await client.readResponse()).body, 'plain /next');
    client.close();
  });

  it('pass the fields of the 101, but not those of one hop', async () => {
    const client = await RawClient.connect(limpet.port);
    const response = await client.write(upgrade('/fields')).readHead();
    assert.equal(response.status, 101);
    assert.equal(response.get('connection'), 'Upgrade');
    assert.equal(response.get('upgrade'), 'websocket');
    assert.equal(response.get('sec-websocket-accept'), accept(KEY));
    assert.equal(response.get('x-custom'), 'yes');
    assert.equal(response.get('set-cookie'), 'a=1');
    assert.equal(response.get('server'), 'own');
    assert.equal(response.get('keep-alive'), undefined);
    client.close();
  });

  it('pass interim answers before the 101', async () => {
    const client = await RawClient.connect(limpet.port);
    client.write(upgrade('/hints'));
    assert.equal((await client.readHead()).status, 103);
    assert.equal((await client.readHead()).status, 101);
    assert.equal((await client.reader.bytes(2)).toString(), 'hi');
    client.close();
  });

  it('keep carrying whatever the bytes are', async () => {
    const client = await open('/silent');
    const end = last;
    // Frames with reserved bits and opcodes, absurd lengths, no mask; then HTTP, then noise.
    const junk = [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0x8f, 0x7f]),
      Buffer.from(get('/smuggled')), Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), randomBytes(300_000)];
    for (const bytes of junk) {
      client.socket.write(bytes);
      assert.ok((await end.reader.bytes(bytes.length)).equals(bytes));
      end.socket.write(bytes);
      assert.ok((await client.reader.bytes(bytes.length)).equals(bytes));
    }
    assert.equal(server.to('/smuggled').length, 0);
    client.close();
  });

  it('pass a half-close on, and the other direction stays open', async () => {
    let client = await open('/silent');
    let end = last;
    client.write('bye').end();
    assert.equal(await end.reader.rest(), 'bye');
    end.write('still here');
    assert.equal((await client.reader.bytes(10)).toString(), 'still here');
    end.socket.end('and gone');
    assert.equal(await client.rest(), 'and gone');
    client = await open('/silent');
    end = last;
    end.socket.end('bye');
    assert.equal(await client.reader.rest(), 'bye');
    client.write('still here');
    assert.equal((await end.reader.bytes(10)).toString(), 'still here');
    client.close();
  });

  it('end on both sides when one breaks', async () => {
    let client = await open('/silent');
    let end = last;
    client.reset();
    await until('the end at the server', () => end.reader.ended);
    client = await open('/silent');
    end = last;
    end.socket.resetAndDestroy();
    await client.rest({ resetToo: true });
  });

  it('carry protocols other than WebSocket when both sides agree', async () => {
    const client = await RawClient.connect(limpet.port);
    const response = await client.write(get('/tcp', 'Connection: Upgrade\r\nUpgrade: tcp\r\n')).readHead();
    assert.equal(response.status, 101);
    assert.equal(response.get('upgrade'), 'tcp');
    client.write('ping');
    assert.equal((await last.reader.bytes(4)).toString(), 'ping');
    client.close();
  });

  it('are refused with 502 when the server switches to something else', async () => {
    const client = await RawClient.connect(limpet.port);
    assert.equal((await client.write(upgrade('/other-protocol')).readResponse()).status, 502);
    client.close();
  });

  it('are not made of h2c: the request goes on as a plain one', async () => {
    for (const fields of ['Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
      'Connection: Upgrade\r\nUpgrade: H2C\r\n']) {
      const client = await RawClient.connect(limpet.port);
      assert.equal((await client.write(get('/h2c', fields)).readResponse()).body, 'plain /h2c');
      const request = server.to('/h2c').at(-1);
      assert.equal(request.get('upgrade'), undefined);
      assert.equal(request.get('connection'), undefined);
      assert.equal(request.get('http2-settings'), undefined);
      client.close();
    }
  });

  it('are not made for HTTP/1.0, nor of an Upgrade without Connection', async () => {
    for (const request of ['GET /no HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      get('/no', 'Upgrade: websocket\r\n')]) {
      const client = await RawClient.connect(limpet.port);
      assert.equal((await client.write(request).readResponse()).body, 'plain /no');
      assert.equal(server.to('/no').at(-1).get('upgrade'), undefined);
      client.close();
    }
  });
});

describe('refused upgrades', { timeout: 60_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start(({ target }) => {
      if (target === '/403') return answer('not you', { status: '403 Forbidden' });
      if (target === '/426') return answer('', { status: '426 Upgrade Required', fields: 'Sec-WebSocket-Version: 13\r\n' });
      if (target === '/chunked') return 'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n';
      return answer('just a page');
    });
    limpet = await startLimpet(plain([server.url]));
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });

  it("are the server's answers, and the connections go on", async () => {
    const client = await RawClient.connect(limpet.port);
    for (let i = 0; i < 2; ++i) {
      const page = await client.write(upgrade('/200')).readResponse();
      assert.deepEqual([page.status, page.body], [200, 'just a page']);
      const refused = await client.write(upgrade('/403')).readResponse();
      assert.deepEqual([refused.status, refused.body], [403, 'not you']);
      const version = await client.write(upgrade('/426')).readResponse();
      assert.deepEqual([version.status, version.get('sec-websocket-version')], [426, '13']);
      assert.equal((await client.write(upgrade('/chunked')).readResponse()).body, 'no!');
    }
    client.close();
    assert.equal(server.connections.length, 1, 'kept connections serve upgrades too');
    const [{ tunnels, connections }] = await limpet.api('/api/servers');
    assert.deepEqual([tunnels, connections], [0, 0]);
  });
});

describe('silent tunnels', { timeout: 60_000 }, () => {
  it('end after tunnelIdleTimeout, and talking ones do not', async () => {
    const server = await RawServer.start(undefined, { onHead: (_, connection) => { connection.write(`${switching}\r\n`); return false; } });
    const limpet = await startLimpet(plain([server.url], { tunnelIdleTimeout: '2s' }),
      { flags: ['--shutdown.tunnelGrace=0s'] });
    try {
      const [silent, talking] = [await RawClient.connect(limpet.port), await RawClient.connect(limpet.port)];
      for (const client of [silent, talking]) {
        client.write(upgrade('/'));
        assert.equal((await client.readHead()).status, 101);
      }
      const chatter = setInterval(() => talking.write('x'), 200);
      try {
        assert.equal(await silent.rest({ resetToo: true }), '');
        assert.equal(talking.reader.ended, false);
      } finally {
        clearInterval(chatter);
        talking.close();
      }
    } finally {
      await limpet.stop();
      await server.stop();
    }
  });
});
