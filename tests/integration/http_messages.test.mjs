// HTTP/1.1 as RFC 9112 frames it: keep-alive and pipelining, bodies of every kind both ways, interim answers,
// HTTP/1.0 on either side. All on raw sockets.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const plain = (urls) => oneService(urls, { sticky: undefined });

describe('HTTP messages', { timeout: 120_000 }, () => {
  let server;
  let limpet;
  /** What the server answers a path with: text, or a function of request and connection. */
  const replies = new Map();
  /** The same, called as soon as the head is there. */
  const earlies = new Map();
  const route = (table, request) => table.get(request.target.split('?')[0]);
  before(async () => {
    server = await RawServer.start((request, connection) => {
      const reply = route(replies, request) ?? answer(`${request.method} ${request.target} ${request.body}`);
      return typeof reply === 'function' ? reply(request, connection) : reply;
    }, { onHead: (request, connection) => route(earlies, request)?.(request, connection) });
    limpet = await startLimpet(plain([server.url]));
  });
  after(async () => {
    assert.equal(await limpet?.stop(), 0);
    await server?.stop();
  });

  describe('connections', () => {
    it('are kept alive, on both sides', async () => {
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 20; ++i) {
        const response = await client.write(get(`/kept-${i}`)).readResponse();
        assert.equal(response.status, 200);
        assert.equal(response.version, '1.1');
        assert.equal(response.body, `GET /kept-${i} `);
        assert.equal(response.get('connection'), undefined);
      }
      client.close();
      assert.equal(new Set(server.to('/kept-').map(({ connection }) => connection)).size, 1);
    });

    it('answer pipelined requests in order', async () => {
      const client = await RawClient.connect(limpet.port);
      // The first answer is the last to be ready at the server, if it saw them all at once.
      replies.set('/pipe/slow', async () => {
        await new Promise((resolve) => { setTimeout(resolve, 50); });
        return answer('slow');
      });
      const post = (path, body) =>
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      client.write(get('/pipe/slow') + post('/pipe/1', 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
        + 'POST /pipe/2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
        + get('/pipe/3') + 'HEAD /pipe/4 HTTP/1.1\r\nHost: a\r\n\r\n' + get('/pipe/5', 'Connection: close\r\n'));
      const bodies = [];
      for (let i = 0; i < 6; ++i) bodies.push((await client.readResponse({ head: i === 4 })).body);
      assert.deepEqual(bodies, ['slow', 'POST /pipe/1 GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /pipe/2 abc',
        'GET /pipe/3 ', '', 'GET /pipe/5 ']);
      assert.equal(await client.rest(), '');
      assert.equal(server.to('/smuggled').length, 0);
    });

    it('answer hundreds of requests of one write, and more than fit one buffer', async () => {
      const client = await RawClient.connect(limpet.port);
      const count = 500;
      client.write(Array.from({ length: count }, (_, i) => get(`/many/${i}`, `X-Filler: ${'x'.repeat(100)}\r\n`)).join(''));
      for (let i = 0; i < count; ++i) assert.equal((await client.readResponse()).body, `GET /many/${i} `);
      client.close();
    });

    it('take a request byte by byte', async () => {
      const client = await RawClient.connect(limpet.port);
      const request = 'POST /drip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n';
      for (const byte of request) await new Promise((resolve) => { client.socket.write(byte, resolve); });
      assert.equal((await client.readResponse()).body, 'POST /drip abc');
      client.close();
    });

    it('close when the client says so', async () => {
      for (const token of ['close', 'CLOSE', 'foo, close']) {
        const client = await RawClient.connect(limpet.port);
        const response = await client.write(get('/', `Connection: ${token}\r\n`)).readResponse();
        assert.equal(response.get('connection'), 'close');
        assert.equal(await client.rest(), '');
      }
    });

    it('stay open to the client when the server closes its own', async () => {
      replies.set('/server-closes', (_, { socket }) => {
        setImmediate(() => socket.end());
        return answer('bye', { fields: 'Connection: close\r\n' });
      });
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 3; ++i) {
        const response = await client.write(get('/server-closes')).readResponse();
        assert.equal(response.body, 'bye');
        assert.equal(response.get('connection'), undefined);
      }
      client.close();
    });

    it('that the client closes, half-closes or breaks off close their server connection', async () => {
      let hanging;
      replies.set('/hang', (_, connection) => { hanging = connection; });
      for (const how of ['close', 'end', 'reset']) {
        hanging = undefined;
        const client = await RawClient.connect(limpet.port);
        client.write(get('/hang'));
        await until('the request at the server', () => hanging);
        client[how]();
        await until(`the server's connection to be closed after ${how}`, () => hanging.socket.readableEnded
          || hanging.socket.destroyed);
      }
    });
  });

  describe('bodies of requests', () => {
    it('of a length arrive as they are', async () => {
      const body = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
      const response = await ask(limpet.port, `POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 256\r\n\r\n${body}`);
      assert.equal(response.body, `POST /bytes ${body}`);
      assert.equal(server.to('/bytes')[0].get('content-length'), '256');
    });

    it('of length 0 keep their Content-Length', async () => {
      await ask(limpet.port, 'POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
      assert.equal(server.to('/empty')[0].get('content-length'), '0');
      await ask(limpet.port, get('/no-body'));
      assert.equal(server.to('/no-body')[0].get('content-length'), undefined);
      assert.equal(server.to('/no-body')[0].get('transfer-encoding'), undefined);
    });

    it('that are chunked arrive chunked, extensions dropped', async () => {
      const response = await ask(limpet.port, 'POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n'
        + '3;name=value\r\nabc\r\n00A;x="y"\r\n0123456789\r\n0;last\r\n\r\n');
      assert.equal(response.body, 'POST /chunked abc0123456789');
      const [request] = server.to('/chunked');
      assert.equal(request.get('transfer-encoding'), 'chunked');
      assert.equal(request.get('content-length'), undefined);
    });

    it('pass their trailers on, but for those that must not come late', async () => {
      await ask(limpet.port, 'POST /trailers HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n'
        + '1\r\na\r\n0\r\nX-Sum: 17\r\nContent-Length: 5\r\nHost: evil\r\nTransfer-Encoding: gzip\r\n'
        + 'Authorization: x\r\nX-Forwarded-For: 6.6.6.6\r\nCookie: a=b\r\n\r\n');
      const [{ trailers }] = server.to('/trailers');
      assert.deepEqual([...trailers.keys()], ['x-sum']);
      assert.deepEqual(trailers.get('x-sum'), ['17']);
    });

    it('reach the server before they are complete', async () => {
      const seen = [];
      earlies.set('/early-body', (_, { reader }) => {
        reader.bytes(3).then((bytes) => seen.push(bytes.toString()));
        return false;
      });
      const client = await RawClient.connect(limpet.port);
      client.write('POST /early-body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
      await until('the first half at the server', () => seen[0] === 'abc');
      client.close();
    });
  });

  describe('bodies of answers', () => {
    it('of a length arrive as they are', async () => {
      const body = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
      replies.set('/answer', answer(body, { fields: 'X-Kept: yes\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n' }));
      const response = await ask(limpet.port, get('/answer'));
      assert.equal(response.body, body);
      assert.equal(response.get('x-kept'), 'yes');
      assert.deepEqual(response.fields.get('set-cookie'), ['a=1', 'b=2']);
      assert.equal(response.get('content-length'), '256');
    });

    it('that are chunked arrive chunked, with trailers', async () => {
      replies.set('/answer-chunked', 'HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n'
        + '3;ext\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\nSet-Cookie: late=1\r\n\r\n');
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 2; ++i) {
        const response = await client.write(get('/answer-chunked')).readResponse();
        assert.equal(response.reason, 'Fine');
        assert.equal(response.body, 'abcde');
        assert.deepEqual(response.trailers.get('x-sum'), ['7']);
        assert.equal(response.trailers.has('set-cookie'), false);
      }
      client.close();
    });

    it('that end with the connection become chunked, and the client keeps its connection', async () => {
      replies.set('/until-close', (_, { socket }) => {
        socket.end('HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nthe whole of it');
      });
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 2; ++i) {
        const response = await client.write(get('/until-close')).readResponse();
        assert.equal(response.body, 'the whole of it');
        assert.equal(response.get('transfer-encoding'), 'chunked');
      }
      client.close();
    });

    it('that end too early break the client off, so that it can tell', async () => {
      replies.set('/cut-length', (_, { socket }) => {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      });
      replies.set('/cut-chunked', (_, { socket }) => {
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      });
      for (const path of ['/cut-length', '/cut-chunked']) {
        const client = await RawClient.connect(limpet.port);
        client.write(get(path));
        const all = await client.rest({ resetToo: true });
        assert.match(all, /half/, path);
        assert.doesNotMatch(all, /\r\n0\r\n\r\n$/, path);
      }
    });

    it('are left out for HEAD, 204 and 304, and the connection stays in step', async () => {
      replies.set('/head', ({ method }) => (method === 'HEAD'
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: "x"\r\n\r\n' : answer('x'.repeat(1234))));
      replies.set('/head-chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      replies.set('/204', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n');
      replies.set('/304', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n');
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 2; ++i) {
        const head = await client.write('HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n').readResponse({ head: true });
        assert.equal(head.get('content-length'), '1234');
        assert.equal(head.get('etag'), '"x"');
        const chunked = await client.write('HEAD /head-chunked HTTP/1.1\r\nHost: a\r\n\r\n').readResponse({ head: true });
        assert.equal(chunked.status, 200);
        const empty = await client.write(get('/204')).readResponse();
        assert.equal(empty.status, 204);
        assert.equal(empty.get('content-length'), undefined);
        assert.equal(empty.get('transfer-encoding'), undefined);
        const same = await client.write(get('/304')).readResponse();
        assert.equal(same.status, 304);
        assert.equal(same.get('etag'), '"x"');
        assert.equal((await client.write(get('/head')).readResponse()).body.length, 1234);
      }
      client.close();
    });
  });

  describe('interim answers', () => {
    it('pass, however many', async () => {
      replies.set('/hints', 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
        + 'HTTP/1.1 102 Processing\r\n\r\n' + answer('then this'));
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 2; ++i) {
        const response = await client.write(get('/hints')).readResponse();
        assert.deepEqual(response.interim.map(({ status }) => status), [103, 102]);
        assert.equal(response.interim[0].get('link'), '</a.css>; rel=preload');
        assert.equal(response.body, 'then this');
      }
      client.close();
    });

    it('do not pass to HTTP/1.0 clients', async () => {
      const client = await RawClient.connect(limpet.port);
      client.write('GET /hints HTTP/1.0\r\nHost: a\r\n\r\n');
      assert.match(await client.rest(), /^HTTP\/1\.1 200 OK\r\n[^]*then this$/);
    });

    it('let 100-continue come from the server, before the body goes', async () => {
      earlies.set('/continue', () => 'HTTP/1.1 100 Continue\r\n\r\n');
      const client = await RawClient.connect(limpet.port);
      client.write('POST /continue HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
      assert.equal((await client.readHead()).status, 100);
      assert.equal(server.to('/continue')[0].get('expect'), '100-continue');
      client.write('body');
      assert.equal((await client.readResponse()).body, 'POST /continue body');
      // In step for the next.
      assert.equal((await client.write(get('/after')).readResponse()).body, 'GET /after ');
      client.close();
    });

    for (const status of ['413 Payload Too Large', '417 Expectation Failed', '200 OK']) {
      it(`let the server answer an expectation with ${status} instead of 100`, async () => {
        earlies.set('/refuse', (_, { socket }) => { socket.write(answer('no', { status })); return false; });
        const client = await RawClient.connect(limpet.port);
        client.write('POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
        const response = await client.readResponse();
        assert.equal(response.status, Number(status.slice(0, 3)));
        assert.equal(response.body, 'no');
        // Whether the body comes now can't be known, so the connection ends.
        assert.equal(response.get('connection'), 'close');
        assert.equal(await client.rest(), '');
        assert.deepEqual(response.interim, []);
      });
    }

    it('get over a server that does not know the expectation', async () => {
      const client = await RawClient.connect(limpet.port);
      client.write('POST /no-continue HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
      // Clients send the body after a while of silence (RFC 9110, section 10.1.1).
      setTimeout(() => client.write('body'), 1500);
      const response = await client.readResponse();
      assert.equal(response.body, 'POST /no-continue body');
      client.close();
    });

    it('are not waited for when the body has come along', async () => {
      const response = await ask(limpet.port,
        'POST /eager HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody');
      assert.equal(response.body, 'POST /eager body');
    });
  });

  describe('HTTP/1.0', () => {
    it('clients get an answer with a length and an end', async () => {
      const client = await RawClient.connect(limpet.port);
      client.write('GET /old HTTP/1.0\r\n\r\n');
      const all = await client.rest();
      assert.match(all, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(all, /\r\nConnection: close\r\n/i);
      assert.match(all, /\r\n\r\nGET \/old $/);
    });

    it('clients that ask for keep-alive get it', async () => {
      const client = await RawClient.connect(limpet.port);
      for (let i = 0; i < 3; ++i) {
        const response = await client.write('GET /old HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n').readResponse();
        assert.equal(response.get('connection'), 'keep-alive');
        assert.equal(response.body, 'GET /old ');
      }
      client.close();
    });

    it('clients get chunked and endless bodies plain, up to the end of the connection', async () => {
      for (const path of ['/answer-chunked', '/until-close']) {
        const client = await RawClient.connect(limpet.port);
        client.write(`GET ${path} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`);
        const response = await client.readResponse();
        assert.equal(response.get('transfer-encoding'), undefined);
        assert.equal(response.get('connection'), 'close');
        assert.ok(['abcde', 'the whole of it'].includes(response.body), response.body);
      }
    });

    it('servers are understood: closing by themselves, and kept alive when they say so', async () => {
      replies.set('/old-server', (_, { socket }) => { socket.end('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi'); });
      replies.set('/old-server-keeps',
        'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi');
      const client = await RawClient.connect(limpet.port);
      for (const path of ['/old-server', '/old-server-keeps', '/old-server', '/old-server-keeps']) {
        const response = await client.write(get(path)).readResponse();
        assert.equal(response.version, '1.1');
        assert.equal(response.body, 'hi');
        assert.equal(response.get('connection'), undefined);
      }
      client.close();
      assert.ok(server.requests.every(({ version }) => version === 'HTTP/1.1'));
    });
  });
});
