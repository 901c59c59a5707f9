// A server may send a request or an upgrade on to the server that should have it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { stopAll } from './named_server.mjs';
import { ask } from './wire.mjs';

/** A server that sends on what the test says, and else tells its name and the body it got. */
async function startSending(name) {
  const server = { name, order: () => null, seen: 0 };
  const http = createServer((request, response) => {
    ++server.seen;
    const order = server.order(request);
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      if (order) response.setHeader('limpet-replay', order);
      response.setHeader('content-type', 'application/json');
      const { method, trailers } = request;
      const chunked = request.headers['transfer-encoding'] === 'chunked';
      response.end(JSON.stringify({ name, method, chunked, trailers, body: Buffer.concat(parts).toString() }));
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    const order = server.order(request);
    if (order) {
      socket.end(`HTTP/1.1 409 Conflict\r\nLimpet-Replay: ${order}\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => client.send(name));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  server.url = `http://127.0.0.1:${http.address().port}`;
  server.stop = async () => {
    for (const client of sockets.clients) client.terminate();
    const closed = once(http, 'close');
    http.close();
    http.closeAllConnections();
    await closed;
  };
  return server;
}

describe('replay', { timeout: 60_000 }, () => {
  let servers;
  let limpet;
  before(async () => {
    servers = await Promise.all(['one', 'two', 'three'].map(startSending));
    limpet = await startLimpet(oneService(servers.map(({ url }) => url), { replay: { enabled: true, maxBodyBytes: 4096 } }));
  });
  after(() => stopAll(limpet, servers ?? []));
  const byName = (name) => servers.find((server) => server.name === name);
  const toOne = async () => (await limpet.api('/api/servers')).find(({ url }) => url === byName('one').url).cookieValue;
  const settle = () => { for (const server of servers) server.order = () => null; };
  const visit = async (path, init = {}) => {
    const response = await fetch(limpet.url + path, init);
    const body = response.ok ? await response.json() : {};
    assert.equal(response.headers.get('limpet-replay'), null);
    const cookie = /ws-session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1];
    return { status: response.status, reason: response.headers.get('limpet-reason'), cookie, ...body };
  };
  const bound = async () => ({ cookie: `ws-session=${await toOne()}` });

  it('goes to a server by URL and by cookie value, and moves the cookie', async () => {
    const two = (await limpet.api('/api/servers')).find(({ url }) => url === byName('two').url);
    for (const value of [two.url, two.cookieValue]) {
      byName('one').order = () => `server=${value}`;
      const answer = await visit('/', { headers: await bound() });
      assert.equal(answer.name, 'two');
      assert.equal(answer.cookie, two.cookieValue);
    }
    settle();
  });

  it('goes anywhere else', async () => {
    byName('one').order = () => 'elsewhere';
    for (let i = 0; i < 10; ++i) {
      const answer = await visit('/', { headers: await bound() });
      assert.notEqual(answer.name, 'one');
      assert.ok(answer.cookie);
    }
    settle();
  });

  it('sends bodies again, up to the limit', async () => {
    byName('one').order = () => `server=${byName('three').url}`;
    const body = 'x'.repeat(4096);
    const answer = await visit('/', { method: 'POST', body, headers: await bound() });
    assert.equal(answer.name, 'three');
    assert.equal(answer.body, body);
    const long = await visit('/', { method: 'POST', body: `${body}y`, headers: await bound() });
    assert.deepEqual([long.status, long.reason], [502, 'replay-body-too-long']);
    settle();
    assert.equal((await visit('/', { method: 'POST', body: `${body}y`, headers: await bound() })).name, 'one');
  });

  /** POSTs a body in chunks, a write each; `between` is awaited after the first. */
  const stream = async (parts, { headers = {}, between, trailers, agent, onContinue } = {}) => {
    const request = httpRequest(limpet.url, { method: 'POST', agent, headers: { ...await bound(), ...headers } });
    const answered = once(request, 'response');
    if (onContinue) {
      request.flushHeaders();
      await once(request, 'continue');
      onContinue();
    }
    for (const [i, part] of parts.entries()) {
      request.write(part);
      if (i === 0) await between?.(answered);
    }
    if (trailers) request.addTrailers(trailers);
    request.end();
    const [response] = await answered;
    const all = [];
    for await (const part of response) all.push(part);
    const text = Buffer.concat(all).toString();
    return { status: response.statusCode, reason: response.headers['limpet-reason'], ...(text.startsWith('{') ? JSON.parse(text) : {}) };
  };

  it('sends bodies in chunks again, with their trailers', async () => {
    byName('one').order = () => `server=${byName('three').url}`;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const turn = () => new Promise((resolve) => { setImmediate(resolve); });
    for (const parts of [['x'.repeat(4096)], Array.from({ length: 100 }, (_, i) => String(i % 10)), ['ab', 'cd', 'ef'], ['']]) {
      const answer = await stream(parts, { agent, between: turn, headers: { trailer: 'x-sum' }, trailers: { 'x-sum': '7' } });
      assert.deepEqual([answer.name, answer.body, answer.chunked], ['three', parts.join(''), true]);
      assert.equal(answer.trailers['x-sum'], '7');
    }
    let told = 0;
    const expecting = await stream(['later'], { agent, headers: { expect: '100-continue' }, onContinue: () => { ++told; } });
    assert.deepEqual([expecting.name, expecting.body, told], ['three', 'later', 1]);
    agent.destroy();
    settle();
  });

  it('passes on bodies in chunks that are too long or come too slowly to be kept', async () => {
    const long = 'y'.repeat(4097);
    assert.equal((await stream([long.slice(0, 9), long.slice(9)])).body, long);
    const huge = Array.from({ length: 40 }, () => 'z'.repeat(50_000));
    assert.equal((await stream(huge)).body, huge.join(''));
    // A client that sends the rest only when the server has had the beginning.
    const seen = byName('one').seen;
    const slow = await stream(['first,', 'second'], {
      between: () => until('the server to have the request', () => byName('one').seen > seen),
    });
    assert.equal(slow.body, 'first,second');
    byName('one').order = () => `server=${byName('three').url}`;
    const refused = await stream([long]);
    assert.deepEqual([refused.status, refused.reason], [502, 'replay-body-too-long']);
    settle();
  });

  it('refuses broken chunks and serves what follows a kept body', async () => {
    const fields = `POST / HTTP/1.1\r\nHost: a\r\nCookie: ws-session=${await toOne()}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    assert.equal((await ask(limpet.port, `${fields}3\r\nabcd\r\n0\r\n\r\n`)).status, 400);
    byName('one').order = (request) => (request.method === 'POST' ? `server=${byName('two').url}` : null);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers = await Promise.all([stream(['a', 'b'], { agent }), stream(['c'], { agent })]);
    assert.deepEqual(answers.map(({ name, body }) => [name, body]), [['two', 'ab'], ['two', 'c']]);
    agent.destroy();
    settle();
  });

  it('remembers keys', async () => {
    byName('one').order = () => `server=${byName('two').url}; key=lobby`;
    assert.equal((await visit('/', { headers: await bound() })).name, 'two');
    assert.equal((await limpet.api('/api/placements/app/lobby')).server, byName('two').url);
    for (const server of servers) server.order = () => (server.name === 'two' ? null : 'key=lobby');
    assert.equal((await visit('/', { headers: await bound() })).name, 'two');
    byName('one').order = () => 'key=new';
    const place = await visit('/', { headers: await bound() });
    settle();
    assert.ok(place.status === 200 || place.reason === 'replay-loop', JSON.stringify(place));
    assert.ok((await limpet.api('/api/placements/app/new')).server);
  });

  it('works for upgrades', async () => {
    byName('one').order = () => `server=${byName('three').url}`;
    const socket = new WebSocket(limpet.url, { headers: await bound() });
    const upgraded = once(socket, 'upgrade');
    const [name] = await once(socket, 'message');
    assert.equal(String(name), 'three');
    const [{ headers }] = await upgraded;
    assert.match(String(headers['set-cookie']), /ws-session=/);
    socket.close();
    await once(socket, 'close');
    settle();
  });

  it('ends loops, and says so of what is unknown', async () => {
    for (const server of servers) server.order = () => `server=${byName('one').url}`;
    const seen = byName('one').seen;
    const loop = await visit('/', { headers: await bound() });
    assert.deepEqual([loop.status, loop.reason], [502, 'replay-loop']);
    assert.equal(byName('one').seen - seen, 4);
    byName('one').order = () => 'server=http://10.0.0.1:1';
    assert.equal((await visit('/', { headers: await bound() })).reason, 'replay-to-unknown-server');
    byName('one').order = () => 'sideways';
    assert.equal((await visit('/', { headers: await bound() })).name, 'one');
    settle();
  });
});
