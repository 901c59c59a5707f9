// Everything at once: clients and servers that break off at any point, while the configuration changes. No answer goes to
// the wrong request, and afterwards nothing is left: no seat, no tunnel, no descriptor.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, get } from './wire.mjs';

const ROUNDS = 400;
const AT_ONCE = 25;

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What a server does is in the query: an id that its answer repeats, and how it misbehaves. */
function misbehavingServer() {
  const parameters = ({ target }) => new URLSearchParams(target.split('?')[1]);
  return RawServer.start((request, { socket, write }) => {
    const wanted = parameters(request);
    const text = `${wanted.get('id')} ${request.body.length} ${'.'.repeat(Number(wanted.get('size') ?? 0))}`;
    switch (wanted.get('do')) {
      case 'chunked': return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
      case 'until-close': socket.end(`HTTP/1.1 200 OK\r\n\r\n${text}`); return undefined;
      case 'close-after': write(answer(text)); socket.end(); return undefined;
      case 'close-before': socket.end(); return undefined;
      case 'reset-before': socket.resetAndDestroy(); return undefined;
      case 'cut': socket.end(answer(text).slice(0, -3)); return undefined;
      case 'reset-within': write(answer(text).slice(0, -3)); setImmediate(() => socket.resetAndDestroy()); return undefined;
      case 'more': return answer(text) + answer('stray');
      case 'late': setTimeout(() => write(answer(text)), 20); return undefined;
      case 'never': return undefined;
      case 'nonsense': return 'nonsense\r\n\r\n';
      default: return answer(text);
    }
  }, {
    onHead: (request, connection) => {
      if (request.get('upgrade') === undefined) return undefined;
      const { socket } = connection;
      const kind = parameters(request).get('do');
      if (kind === 'reset-before') { socket.resetAndDestroy(); return false; }
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.on('end', () => socket.end());
      if (kind === 'late') socket.write(`${parameters(request).get('id')}!`);
      if (kind === 'close-after') socket.end('bye');
      return false;
    },
  });
}

const SERVER_KINDS = ['', '', '', 'chunked', 'until-close', 'close-after', 'close-before', 'reset-before', 'cut', 'reset-within',
  'more', 'late', 'never', 'nonsense'];
const CLIENT_KINDS = ['plain', 'plain', 'plain', 'body', 'chunked', 'pipeline', 'leave', 'leave-within', 'reset', 'half-close', 'expect',
  'upgrade', 'upgrade-reset'];

/** The answer's body must be that of the request with this id, if the answer is whole. */
async function checkAnswer(client, id, bodyLength) {
  let response;
  try {
    response = await client.readResponse();
  } catch (error) {
    if (/not within/.test(error.message)) throw error;
    return false;
  }
  if (response.status === 200) {
    const [answeredId, length] = response.body.split(' ');
    assert.equal(answeredId, id);
    assert.equal(Number(length), bodyLength);
  } else {
    assert.ok([502, 503].includes(response.status), `status ${response.status}`);
  }
  return response.get('connection') !== 'close';
}

async function oneVisit(limpet, random, id) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const serverKind = pick(SERVER_KINDS);
  const clientKind = serverKind === 'never' ? pick(['leave', 'reset', 'half-close']) : pick(CLIENT_KINDS);
  const size = random() < 0.2 ? Math.floor(random() * 200_000) : Math.floor(random() * 100);
  const path = `/?id=${id}&do=${serverKind}&size=${size}`;
  const body = 'b'.repeat(random() < 0.3 ? Math.floor(random() * 100_000) : Math.floor(random() * 100));
  const client = await RawClient.connect(limpet.port);
  const head = (fields) => `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`;
  const cut = Math.floor(random() * body.length);
  switch (clientKind) {
    case 'plain': await checkAnswer(client.write(get(path)), id, 0); break;
    case 'body':
      client.write(head(`Content-Length: ${body.length}`) + body.slice(0, cut)).write(body.slice(cut));
      await checkAnswer(client, id, body.length);
      break;
    case 'chunked':
      client.write(head('Transfer-Encoding: chunked'));
      for (const part of [body.slice(0, cut), body.slice(cut)].filter(Boolean)) {
        client.write(`${part.length.toString(16)}\r\n${part}\r\n`);
      }
      await checkAnswer(client.write('0\r\n\r\n'), id, body.length);
      break;
    case 'pipeline': {
      const ids = [id, `${id}-2`, `${id}-3`];
      client.write(ids.map((each) => get(path.replace(`id=${id}`, `id=${each}`))).join(''));
      for (const each of ids) if (!await checkAnswer(client, each, 0)) break;
      break;
    }
    case 'expect': {
      client.write(head(`Expect: 100-continue\r\nContent-Length: ${body.length}`)).write(body);
      await checkAnswer(client, id, body.length);
      break;
    }
    case 'leave': client.write(get(path)); await client.reader.isQuietFor(random() * 20); break;
    case 'leave-within': client.write(head(`Content-Length: ${body.length + 10}`) + body); await client.reader.isQuietFor(random() * 20); break;
    case 'reset': client.write(get(path)); await client.reader.isQuietFor(random() * 20); client.reset(); break;
    case 'half-close': client.write(get(path)).end(); await client.rest({ resetToo: true }); break;
    default: {
      client.write(get(path, 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
        + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n') + 'early');
      await client.reader.isQuietFor(random() * 50);
      if (clientKind === 'upgrade-reset') client.reset();
    }
  }
  client.close();
}

const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

describe('chaos', { timeout: 300_000 }, () => {
  for (const seed of [1, 2, 3]) {
    it(`leaves nothing behind (seed ${seed})`, async () => {
      const servers = await Promise.all([misbehavingServer(), misbehavingServer(), misbehavingServer()]);
      const urls = servers.map(({ url }) => url);
      const limpet = await startLimpet(oneService(urls, { capacity: 100 }));
      const before = descriptors(limpet.pid);
      let done = false;
      try {
        const reloads = (async () => {
          for (let i = 0; !done; ++i) {
            await limpet.reconfigure(oneService(i % 2 ? urls : urls.slice(0, 2), { capacity: 100 + i }));
          }
        })();
        let next = 0;
        await Promise.all(Array.from({ length: AT_ONCE }, async () => {
          while (next < ROUNDS) {
            const id = `${seed}-${next++}`;
            await oneVisit(limpet, seededRandom(seed * 100_000 + next), id);
          }
        }));
        done = true;
        await reloads;
        await limpet.reconfigure(oneService(urls));
        for (const server of servers) for (const { socket } of server.connections) socket.destroy();
        await until('all seats to be free', async () => (await limpet.api('/api/servers'))
          .every(({ connections, tunnels }) => connections === 0 && tunnels === 0), 20_000);
        await until('all descriptors to be closed', () => descriptors(limpet.pid) <= before + 2, 20_000);
      } finally {
        done = true;
        assert.equal(await limpet.stop(), 0, limpet.log());
        await Promise.all(servers.map((server) => server.stop()));
      }
    });
  }
});
