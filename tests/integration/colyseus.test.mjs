// Colyseus game servers behind Limpet, each with a matchmaker of its own and no Redis between them: a placement takes the
// users of a room to one process, its matchmaker reserves their seats there, and their WebSockets reach the same process.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { oneService, startLimpet, until } from './limpet_process.mjs';

const JOIN_ROOM = 10; // of Colyseus' protocol: the server says it, and the client says it back

async function startColyseus(name) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('colyseus_server.mjs', import.meta.url)), name],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return {
    name,
    url: `http://127.0.0.1:${Number(String(line))}`,
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

describe('three Colyseus processes', { timeout: 60_000 }, () => {
  let servers;
  let limpet;
  before(async () => {
    servers = await Promise.all(['one', 'two', 'three'].map(startColyseus));
    limpet = await startLimpet(oneService(servers.map(({ url }) => url), { placement: { policy: 'spread' }, capacity: 12 }));
  });
  after(() => Promise.all([limpet, ...(servers ?? [])].map((each) => each?.stop())));

  /** Joins a room as Colyseus' client does; `way` is how the user reaches the right process. */
  async function join(key, way) {
    const reservation = await fetch(`${limpet.url}/matchmake/joinOrCreate/arena${way.query}`, {
      method: 'POST', headers: { 'content-type': 'application/json', ...way.headers }, body: JSON.stringify({ key }),
    });
    assert.equal(reservation.status, 200);
    const { room, sessionId } = await reservation.json();
    const query = `${way.query}${way.query ? '&' : '?'}sessionId=${sessionId}`;
    const socket = new WebSocket(`${limpet.url}/${room.processId}/${room.roomId}${query}`, { headers: way.headers });
    let heard = '';
    socket.on('error', () => {});
    socket.on('message', (data) => {
      if (data[0] === JOIN_ROOM) socket.send(Buffer.from([JOIN_ROOM]));
      else heard += data.toString('latin1');
    });
    await once(socket, 'open');
    return { room, socket, heard: () => heard };
  }

  it("have each room's users together, with their seats", async () => {
    const sockets = [];
    const used = new Set();
    for (let room = 0; room < 6; ++room) {
      const key = `room-${room}`;
      const place = await limpet.api('/api/placements', {
        method: 'POST', body: JSON.stringify({ service: 'app', key, seats: 4, ttl: 60 }),
      });
      const ways = [
        { query: '', headers: { cookie: `${place.cookie.name}=${place.cookie.value}` } },
        { query: `?ticket=${place.ticket}`, headers: {} },
      ];
      const users = await Promise.all([0, 1, 0, 1].map((way) => join(key, ways[way])));
      const { name } = servers.find(({ url }) => url === place.server);
      used.add(name);
      for (const user of users) {
        assert.equal(user.room.processId, users[0].room.processId, 'one process');
        await until('a word from the room', () => user.heard().includes('who'));
        assert.ok(user.heard().includes(name), `${JSON.stringify(user.heard())} is from ${name}`);
      }
      assert.equal((await limpet.api(`/api/placements/app/${key}`)).present, 4);
      sockets.push(...users.map(({ socket }) => socket));
    }
    assert.equal(used.size, 3, 'spread over all processes');
    // Six rooms of four on three processes of twelve seats: a seventh room waits for its next chance.
    const full = (await limpet.api('/api/servers')).map(({ connections }) => connections);
    assert.deepEqual(full, [8, 8, 8]);
    for (const socket of sockets) socket.terminate();
    await until('everyone to be gone', async () =>
      (await limpet.api('/api/servers')).every(({ tunnels }) => tunnels === 0));
  });
});
