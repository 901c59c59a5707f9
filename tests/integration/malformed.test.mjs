// Every malformed request of the table, on a live Limpet: each gets its status and the connection's end, nothing reaches
// a server twice or behind another request's back, and the next client is served as if nothing had been.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, Response, answer, ask, get } from './wire.mjs';

/** `stage` "body": the head is good, so that a server may have seen it before the body turns out bad. */
const cases = JSON.parse(readFileSync(new URL('../data/malformed_requests.json', import.meta.url), 'utf8'));

/** The table's requests with a path of their own, so that the server can tell them apart. */
function withPath({ request }, path) {
  return request.replace(/^((?:\r\n)*[^ \r\n]+ )\/(?= )/, (_, before) => before + path);
}

describe('malformed requests', { timeout: 300_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start(({ target }) => answer(`served ${target}`));
    limpet = await startLimpet(oneService([server.url], { sticky: undefined }));
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });

  it('are at least 200', () => {
    assert.ok(cases.length >= 200);
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
  });

  for (const [index, malformed] of cases.entries()) {
    const { name, status, stage } = malformed;
    it(name, async () => {
      const path = `/malformed-${index}`;
      const before = server.requests.length;
      const failed = server.errors.length;
      const client = await RawClient.connect(limpet.port);
      // Were the request taken for a good one, this would be answered, too.
      client.write(withPath(malformed, path)).write(get(`/smuggled-${index}`));
      const response = await client.readResponse();
      assert.equal(response.status, status);
      assert.equal(response.get('connection'), 'close');
      assert.equal(await client.rest({ resetToo: true }), '', 'nothing follows');

      if (stage === 'body') {
        // The server may have seen the head, once, and then the connection broke.
        await until('the server to be done', () => server.connections.every(
          ({ reader, requests }) => requests > 0 || reader.ended || reader.size === 0));
        assert.ok(server.to(path).length <= 1);
        assert.ok(server.requests.length <= before + 1);
      } else {
        assert.equal(server.requests.length, before);
        assert.equal(server.errors.length, failed);
      }
      assert.equal((await ask(limpet.port, get(`/good-${index}`))).body, `served /good-${index}`);
      assert.equal(server.to(`/smuggled-${index}`).length, 0);
      assert.equal(server.to(`/good-${index}`).length, 1);
    });
  }

  it('never reached the server twice, nor hidden in another', () => {
    const counts = new Map();
    for (const { target } of server.requests) counts.set(target, (counts.get(target) ?? 0) + 1);
    assert.deepEqual([...counts].filter(([, count]) => count > 1), []);
    assert.deepEqual(server.requests.filter(({ target }) => !/^\/(good|malformed)-\d+$/.test(target)
      && target !== '/'), []);
  });
});

describe('malformed requests in pieces', { timeout: 120_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start(({ target }) => answer(`served ${target}`));
    limpet = await startLimpet(oneService([server.url], { sticky: undefined }));
  });
  after(async () => {
    await limpet?.stop();
    await server?.stop();
  });

  it('behind a good one: the good one is answered first', async () => {
    const sample = cases.filter(({ stage }, index) => stage !== 'body' && index % 10 === 0);
    for (const malformed of sample) {
      const client = await RawClient.connect(limpet.port);
      client.write(get('/first') + malformed.request);
      assert.equal((await client.readResponse()).body, 'served /first');
      assert.equal((await client.readResponse()).status, malformed.status, malformed.name);
      await client.rest({ resetToo: true });
    }
    assert.ok(server.requests.every(({ target }) => target === '/first'));
  });

  it('byte by byte are refused all the same', async () => {
    const sample = cases.filter(({ stage, request }, index) => stage !== 'body' && index % 10 === 3 && request.length < 500);
    for (const malformed of sample) {
      const client = await RawClient.connect(limpet.port);
      for (const byte of malformed.request) {
        if (client.reader.size > 0 || client.reader.ended) break;
        await new Promise((resolve) => { client.socket.write(byte, 'latin1', resolve); });
      }
      const text = await client.rest({ resetToo: true });
      assert.equal(new Response(`${text.split('\r\n\r\n')[0]}\r\n\r\n`).status, malformed.status, malformed.name);
    }
  });
});
