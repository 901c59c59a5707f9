// The two example chat servers, examples/chat and examples/express-chat, do the same: one suite for both, with
// the stock Socket.IO client, the ws package and plain requests.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { CHAT_SERVERS, startChat } from './chat_server.mjs';

const DEADLINE_MS = 8_000;
const RECORD_SEPARATOR = '\x1e';

const TRANSPORTS = {
  'polling only': { transports: ['polling'] },
  'WebSocket only': { transports: ['websocket'] },
  'polling, then upgrade': { transports: ['polling', 'websocket'] },
};

/** Resolves with the arguments of the first `event` that `wanted` accepts. */
function next(emitter, event, wanted = () => true) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      emitter.off(event, listener);
      reject(new Error(`no fitting '${event}' within ${DEADLINE_MS} ms`));
    }, DEADLINE_MS);
    function listener(...values) {
      if (!wanted(...values)) return;
      clearTimeout(timer);
      emitter.off(event, listener);
      resolve(values);
    }
    emitter.on(event, listener);
  });
}

for (const kind of Object.keys(CHAT_SERVERS)) {
  describe(kind, () => {
    let server;
    const sockets = new Set();

    /** A connected client of the stock library. */
    async function connect(options = {}, url = server.url) {
      const socket = io(url, { path: '/ws', forceNew: true, reconnection: false, ...options });
      sockets.add(socket);
      await next(socket, 'connect');
      return socket;
    }
    const disconnectAll = () => {
      for (const socket of sockets) socket.disconnect();
      sockets.clear();
    };
    const engineUrl = (query, base = server.url) => `${base}/ws/?${new URLSearchParams(query)}`;
    const POLLING = { EIO: '4', transport: 'polling' };

    /** The sid of a new polling session made by hand. */
    async function handshake(base = server.url) {
      const response = await fetch(engineUrl(POLLING, base));
      assert.equal(response.status, 200);
      const open = await response.text();
      assert.match(open, /^0\{/);
      return JSON.parse(open.slice(1)).sid;
    }
    const pollUrl = (sid, base = server.url) => engineUrl({ ...POLLING, sid }, base);
    const post = (sid, body, headers = {}) => fetch(pollUrl(sid), { method: 'POST', body, headers });

    /** A poll that the server has read before it reads what is sent next: its connection is not a new one. */
    async function hangingPoll(sid) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const [hello] = await once(request(`${server.url}/health`, { agent }).end(), 'response');
      await text(hello);
      const poll = request(pollUrl(sid), { agent }).end();
      poll.once('close', () => agent.destroy());
      await once(poll, 'finish');
      return poll;
    }

    async function assertError(response, code, message) {
      assert.equal(response.status, 400);
      assert.deepEqual(await response.json(), { code, message });
    }
    const assertGone = async (sid, base) =>
      assertError(await fetch(pollUrl(sid, base)), 1, 'Session ID unknown');

    before(async () => {
      server = await startChat(kind, ['--name', 'unit', '--servers', 'http://127.0.0.1:1,two=http://127.0.0.1:2']);
    });
    after(async () => {
      disconnectAll();
      assert.equal(await server.stop(), 0);
    });

    describe('plain HTTP', () => {
      it('serves the page with the servers it was given', async () => {
        const response = await fetch(server.url);
        assert.equal(response.status, 200);
        assert.match(response.headers.get('content-type'), /^text\/html/);
        const page = await response.text();
        assert.match(page, /id="server-name"/);
        assert.match(page, /"http:\/\/127\.0\.0\.1:1","two=http:\/\/127\.0\.0\.1:2"/);
        assert.doesNotMatch(page, /\{\{/, 'every mark is filled in');
        assert.doesNotMatch(page, /(src|href)="(?!data:|#)/, 'nothing is loaded from elsewhere');
      });

      it('tells its name and address', async () => {
        const response = await fetch(`${server.url}/hostname`);
        assert.match(response.headers.get('content-type'), /^application\/json/);
        assert.deepEqual(await response.json(), { ip: '127.0.0.1', hostname: 'unit' });
      });

      it('is healthy, and knows no other paths', async () => {
        assert.equal((await fetch(`${server.url}/health`)).status, 200);
        assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
        const head = await fetch(server.url, { method: 'HEAD' });
        assert.equal(head.status, 200);
        assert.ok(Number(head.headers.get('content-length')) > 1000);
      });
    });

    for (const [title, options] of Object.entries(TRANSPORTS)) {
      describe(title, () => {
        after(disconnectAll);

        it('connects with the expected transport', async () => {
          const socket = await connect(options);
          const { engine } = socket.io;
          const wanted = options.transports.at(-1);
          if (engine.transport.name !== wanted) await next(engine, 'upgrade');
          assert.equal(engine.transport.name, wanted);
        });

        it('lists the clients when asked, and when they come and go', async () => {
          const first = await connect(options);
          const second = await connect(options);
          const both = (ids) => ids.includes(first.id) && ids.includes(second.id);
          const lists = [next(first, 'recieve-clients', both), next(second, 'recieve-clients', both)];
          first.emit('get-clients');
          await Promise.all(lists);
          const gone = next(first, 'recieve-clients', (ids) => !ids.includes(second.id));
          second.disconnect();
          const [ids] = await gone;
          assert.ok(ids.includes(first.id));
        });

        it('carries private messages of every kind', async () => {
          const alice = await connect(options);
          const bob = await connect(options);
          for (const message of ['hello', 'gruß 👋 \u001e "x"', { a: [1, null, true] }, '', 0, 'x'.repeat(200_000)]) {
            const received = next(bob, 'revieve-msg');
            alice.emit('send-msg', bob.id, message);
            assert.deepEqual(await received, [alice.id, message]);
          }
        });

        it('carries binary messages', async () => {
          const alice = await connect(options);
          const bob = await connect(options);
          const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256));
          const received = next(bob, 'revieve-msg');
          alice.emit('send-msg', bob.id, { parts: [bytes, 'text', Buffer.alloc(0)] });
          const [from, message] = await received;
          assert.equal(from, alice.id);
          assert.deepEqual(message, { parts: [bytes, 'text', Buffer.alloc(0)] });
        });

        it('keeps a room to its members', async () => {
          const [alice, bob, carol] = await Promise.all([connect(options), connect(options), connect(options)]);
          const overheard = [];
          carol.on('room-msg', (...values) => overheard.push(values));
          alice.emit('join-room', 'reef');
          bob.emit('join-room', 'reef');
          await Promise.all([alice.emitWithAck('whoami'), bob.emitWithAck('whoami')]);
          carol.emit('room-msg', 'reef', 'let me in');
          await carol.emitWithAck('whoami');

          const heard = [next(alice, 'room-msg'), next(bob, 'room-msg')];
          alice.emit('room-msg', 'reef', 'tide is out');
          for (const values of await Promise.all(heard)) assert.deepEqual(values, ['reef', alice.id, 'tide is out']);

          bob.emit('leave-room', 'reef');
          await bob.emitWithAck('whoami');
          bob.on('room-msg', (...values) => overheard.push(values));
          const own = next(alice, 'room-msg');
          alice.emit('room-msg', 'reef', 'alone');
          await own;
          await Promise.all([bob.emitWithAck('whoami'), carol.emitWithAck('whoami')]);
          assert.deepEqual(overheard, []);
        });

        it('acknowledges', async () => {
          const socket = await connect(options);
          const answers = await Promise.all(Array.from({ length: 20 }, () => socket.timeout(DEADLINE_MS).emitWithAck('whoami')));
          for (const answer of answers) {
            assert.deepEqual(answer, { hostname: 'unit', ip: '127.0.0.1', id: socket.id, url: server.url });
          }
        });

        it('ignores events it does not know', async () => {
          const socket = await connect(options);
          for (const event of [['nonsense'], ['send-msg'], ['send-msg', 5, 'x'], ['join-room', {}], ['room-msg', []]]) {
            socket.emit(...event);
          }
          socket.emit('send-msg', 'nobody', 'x');
          assert.equal((await socket.emitWithAck('whoami')).id, socket.id);
        });

        it('refuses namespaces it does not have', async () => {
          const socket = io(`${server.url}/attic`, { path: '/ws', forceNew: true, reconnection: false, ...options });
          sockets.add(socket);
          const [error] = await next(socket, 'connect_error');
          assert.equal(error.message, 'Invalid namespace');
        });
      });
    }

    it('answers under /ws with and without the slash', async () => {
      const socket = await connect({ addTrailingSlash: false });
      assert.ok(socket.connected);
      disconnectAll();
    });

    describe('heartbeat', () => {
      let quick;
      before(async () => {
        quick = await startChat(kind, ['--ping-interval', '150', '--ping-timeout', '300']);
      });
      after(async () => {
        disconnectAll();
        assert.equal(await quick.stop(), 0);
      });

      for (const [title, options] of Object.entries(TRANSPORTS)) {
        it(`keeps a client that answers (${title})`, async () => {
          const socket = await connect(options, quick.url);
          for (let i = 0; i < 4; ++i) await next(socket.io.engine, 'ping');
          assert.ok((await socket.emitWithAck('whoami')).id);
          disconnectAll();
        });
      }

      it('drops a WebSocket that does not answer, and tells the others', async () => {
        const witness = await connect({ transports: ['websocket'] }, quick.url);
        const mute = new WebSocket(engineUrl({ EIO: '4', transport: 'websocket' }, quick.url).replace('http', 'ws'));
        await once(mute, 'open');
        const welcome = next(mute, 'message', (data) => String(data).startsWith('40'));
        mute.send('40');
        const { sid } = JSON.parse(String((await welcome)[0]).slice(2));
        await next(witness, 'recieve-clients', (ids) => ids.includes(sid));
        const left = next(witness, 'recieve-clients', (ids) => !ids.includes(sid));
        const started = Date.now();
        await Promise.all([next(mute, 'close'), left]);
        assert.ok(Date.now() - started < 2_000, 'dropped soon after interval and timeout');
        disconnectAll();
      });

      it('forgets a polling client that stays away', async () => {
        const sid = await handshake(quick.url);
        const witness = await connect({ transports: ['websocket'] }, quick.url);
        for (let i = 0; i < 5; ++i) await next(witness.io.engine, 'ping');
        await assertGone(sid, quick.url);
      });

      it('drops a client that pings the server', async () => {
        const socket = new WebSocket(engineUrl({ EIO: '4', transport: 'websocket' }).replace('http', 'ws'));
        await once(socket, 'open');
        const closed = next(socket, 'close');
        socket.send('2');
        await closed;
      });
    });

    describe('requests that do not fit', () => {
      it('names what is wrong with a handshake', async () => {
        await assertError(await fetch(engineUrl({ EIO: '4', transport: 'pigeon' })), 0, 'Transport unknown');
        await assertError(await fetch(engineUrl({ EIO: '4' })), 0, 'Transport unknown');
        await assertError(await fetch(engineUrl({ ...POLLING, sid: 'nobody' })), 1, 'Session ID unknown');
        await assertError(await fetch(engineUrl(POLLING), { method: 'POST', body: '40' }), 2, 'Bad handshake method');
        await assertError(await fetch(engineUrl({ EIO: '4', transport: 'websocket' })), 3, 'Bad request');
        await assertError(await fetch(engineUrl({ ...POLLING, EIO: '3' })), 5, 'Unsupported protocol version');
        await assertError(await fetch(engineUrl({ transport: 'polling' })), 5, 'Unsupported protocol version');
      });

      it('refuses a WebSocket with 400', async () => {
        for (const query of [{ EIO: '4', transport: 'websocket', sid: 'nobody' }, { EIO: '4', transport: 'pigeon' }]) {
          const socket = new WebSocket(engineUrl(query).replace('http', 'ws'));
          socket.on('error', () => {});
          const [, response] = await next(socket, 'unexpected-response');
          assert.equal(response.statusCode, 400);
          socket.terminate();
        }
      });

      it('keeps a session to its transport and protocol', async () => {
        const socket = await connect({ transports: ['websocket'] });
        await assertError(await fetch(pollUrl(socket.io.engine.id)), 3, 'Bad request');
        const sid = await handshake();
        await assertError(await fetch(engineUrl({ ...POLLING, EIO: '3', sid })), 3, 'Bad request');
        assert.equal((await post(sid, '40')).status, 200, 'and neither harms the session');
        assert.ok((await socket.emitWithAck('whoami')).id);
        disconnectAll();
      });

      it('closes a session with two polls at once', async () => {
        const sid = await handshake();
        const [first, second] = await Promise.all([fetch(pollUrl(sid)), fetch(pollUrl(sid))]);
        assert.deepEqual([first.status, second.status].sort(), [200, 400]);
        assert.equal(await (first.status === 200 ? first : second).text(), '1');
        await assertGone(sid);
      });

      it('closes the session whose poll is broken off', async () => {
        const sid = await handshake();
        const poll = await hangingPoll(sid);
        poll.on('error', () => {});
        poll.destroy();
        const witness = await connect({ transports: ['websocket'] });
        let status = 200;
        for (let i = 0; i < 200 && status === 200; ++i) {
          await witness.emitWithAck('whoami');
          ({ status } = await post(sid, '3'));
        }
        assert.equal(status, 400);
        disconnectAll();
      });

      it('lets a client say goodbye', async () => {
        const sid = await handshake();
        const poll = await hangingPoll(sid);
        const [[answer]] = await Promise.all([once(poll, 'response'), post(sid, '1')]);
        assert.equal(await text(answer), '6');
        await assertGone(sid);
      });

      it('answers 413 to a body of more than 1,000,000 bytes, and keeps the session', async () => {
        const sid = await handshake();
        assert.equal((await post(sid, `4${'x'.repeat(1_000_000)}`)).status, 413);
        assert.equal((await post(sid, '40')).status, 200);
      });

      it('drops a WebSocket with a message of more than 1,000,000 bytes', async () => {
        const socket = new WebSocket(engineUrl({ EIO: '4', transport: 'websocket' }).replace('http', 'ws'));
        socket.on('error', () => {});
        await once(socket, 'open');
        const closed = next(socket, 'close');
        socket.send(`4${'x'.repeat(1_000_000)}`);
        assert.equal((await closed)[0], 1009);
      });

      it('does not take raw binary bodies', async () => {
        const sid = await handshake();
        const response = await post(sid, Buffer.from([4, 1, 2]), { 'content-type': 'application/octet-stream' });
        assert.equal(response.status, 400);
        await assertGone(sid);
      });

      const MALFORMED = [
        'abc', '', '9', '4', '4x', '47', '42{}', '42["a"', '42[null]', '42["disconnect"]', '40[]', '41{}', '43{}',
        '4x[]', '451-["a",{"_placeholder":true,"num":1}]', '450-["a"]', '45["a"]', '4511-["a"]', '451-["a"]\x1e42["b"]',
        `42[${'['.repeat(100_000)}`, '4299999999999999999999999["whoami"]x',
      ];
      for (const transport of ['polling', 'websocket']) {
        it(`closes a session that sends rubbish (${transport})`, async () => {
          for (const body of MALFORMED) {
            if (transport === 'polling') {
              const sid = await handshake();
              await post(sid, '40');
              await post(sid, body);
              if (body.includes('"num":1')) await post(sid, 'bAAAA');
              let status = 200;
              for (let i = 0; i < 4 && status === 200; ++i) ({ status } = await fetch(pollUrl(sid)));
              assert.equal(status, 400, body.slice(0, 50));
            } else {
              const socket = new WebSocket(engineUrl({ EIO: '4', transport: 'websocket' }).replace('http', 'ws'));
              await once(socket, 'open');
              const closed = next(socket, 'close');
              socket.send('40');
              for (const part of body.split(RECORD_SEPARATOR)) socket.send(part);
              if (body.includes('"num":1')) socket.send(Buffer.from([0, 0, 0]));
              await closed;
            }
          }
          const socket = await connect();
          assert.ok((await socket.emitWithAck('whoami')).id, 'and the server lives on');
          disconnectAll();
        });
      }

      it('closes a session that speaks before it joins', async () => {
        const sid = await handshake();
        await post(sid, '42["get-clients"]');
        await fetch(pollUrl(sid));
        await assertGone(sid);
      });

      it('goes on polling when an upgrade is not seen through', async () => {
        const sid = await handshake();
        const probe = new WebSocket(engineUrl({ EIO: '4', transport: 'websocket', sid }).replace('http', 'ws'));
        await once(probe, 'open');
        const second = new WebSocket(engineUrl({ EIO: '4', transport: 'websocket', sid }).replace('http', 'ws'));
        await next(second, 'close');
        const answer = next(probe, 'message');
        probe.send('2probe');
        assert.equal(String((await answer)[0]), '3probe');
        const poll = await fetch(pollUrl(sid));
        assert.equal(await poll.text(), '6', 'the poll is let go so that the client can pause');
        probe.close();
        await next(probe, 'close');
        assert.equal((await post(sid, '40')).status, 200);
        assert.match(await (await fetch(pollUrl(sid))).text(), /^40\{"sid":"/);
      });
    });

    it('serves an upgraded session by its WebSocket alone', async () => {
      const sid = await handshake();
      assert.equal((await post(sid, '40')).status, 200);
      const url = engineUrl({ EIO: '4', transport: 'websocket', sid }).replace('http', 'ws');
      const socket = new WebSocket(url);
      await once(socket, 'open');
      const probed = next(socket, 'message');
      socket.send('2probe');
      assert.equal(String((await probed)[0]), '3probe');
      // what polling did not fetch comes over the WebSocket
      const welcomed = next(socket, 'message');
      socket.send('5');
      assert.match(String((await welcomed)[0]), /^40\{"sid":"/);

      await assertError(await fetch(pollUrl(sid)), 3, 'Bad request');
      await assertError(await post(sid, '42["get-clients"]'), 3, 'Bad request');
      const second = new WebSocket(url);
      await next(second, 'close');
      const answered = next(socket, 'message', (data) => String(data).startsWith('437['));
      socket.send('427["whoami"]');
      await answered;
      const closed = next(socket, 'close');
      socket.send('1');
      socket.close();
      await closed;
    });

    it('lets pages of other origins in, with cookies', async () => {
      const origin = 'http://elsewhere.example';
      const preflight = await fetch(engineUrl(POLLING), {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-any' },
      });
      assert.equal(preflight.status, 204);
      const poll = await fetch(engineUrl(POLLING), { headers: { origin } });
      for (const { headers } of [preflight, poll]) {
        assert.equal(headers.get('access-control-allow-origin'), origin);
        assert.equal(headers.get('access-control-allow-credentials'), 'true');
      }
      assert.equal(preflight.headers.get('access-control-allow-headers'), 'x-any');
    });

    it('polls with the headers that keep intermediaries away', async () => {
      const response = await fetch(engineUrl(POLLING));
      assert.match(response.headers.get('content-type'), /^text\/plain; charset=utf-8$/i);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = JSON.parse((await response.text()).slice(1));
      assert.match(sid, /^[\w-]{20}$/);
      assert.deepEqual({ upgrades, pingInterval, pingTimeout, maxPayload },
        { upgrades: ['websocket'], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 });
    });

    it('stops cleanly on a signal, with clients of both kinds', async () => {
      for (const signal of ['SIGTERM', 'SIGINT']) {
        const doomed = await startChat(kind);
        const clients = await Promise.all([connect({ transports: ['websocket'] }, doomed.url),
          connect({ transports: ['polling'] }, doomed.url)]);
        const closed = clients.map((socket) => next(socket, 'disconnect'));
        const started = Date.now();
        assert.equal(await doomed.stop(signal), 0);
        assert.ok(Date.now() - started < 4_000);
        await Promise.all(closed);
      }
    });
  });
}
