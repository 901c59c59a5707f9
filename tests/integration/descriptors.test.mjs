// When file descriptors run out: what can be spared is closed, the rest is refused with a reason, and nothing spins.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const LIMIT = 64;
const UPGRADE = get('/tunnel', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n');

const limits = (pid) => /Max open files +(\d+) +(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')).slice(1).map(Number);
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
/** The processor time a process has used, in seconds. */
function cpuTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

describe('file descriptors', { timeout: 120_000 }, () => {
  let server;
  let limpet;
  before(async () => {
    server = await RawServer.start(() => answer('ok'), {
      onHead: ({ target }, connection) => {
        if (target !== '/tunnel') return undefined;
        connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
        connection.socket.on('end', () => connection.socket.end());
        return false;
      },
    });
    limpet = await startLimpet(oneService([server.url], { sticky: undefined }));
    execFileSync('prlimit', ['--pid', String(limpet.pid), `--nofile=${LIMIT}:${LIMIT}`]);
  });
  after(async () => {
    assert.equal(await limpet?.stop(), 0);
    await server?.stop();
  });

  it('are as many as the system allows, whatever the shell says', async () => {
    const other = await startLimpet(oneService([server.url]), { under: ['prlimit', '--nofile=256:4096'] });
    try {
      assert.deepEqual(limits(other.pid), [4096, 4096]);
    } finally {
      await other.stop();
    }
  });

  it('that idle connections hold go to those who ask', async () => {
    const clients = [];
    for (let i = 0; i < 4 * LIMIT; ++i) {
      const client = await RawClient.connect(limpet.port);
      clients.push(client);
      const response = await client.write(get('/')).readResponse();
      assert.ok([200, 503].includes(response.status));
      if (response.status === 503) assert.match(response.get('limpet-reason'), /descriptor/);
    }
    for (const client of clients) client.close();
    assert.ok(limpet.log().split('\n').filter((line) => /cannot be accepted/.test(line)).length <= 4, limpet.log());
  });

  it('that tunnels hold are theirs: others are refused, with 503, until some end', async () => {
    const clients = [];
    const open = async () => {
      const client = await RawClient.connect(limpet.port);
      clients.push(client);
      const response = await client.write(UPGRADE).readResponse();
      if (response.status !== 101) {
        assert.equal(response.status, 503);
        assert.match(response.get('limpet-reason'), /descriptor/);
        return undefined;
      }
      return client;
    };
    const tunnels = [];
    for (let client; (client = await open()) !== undefined;) tunnels.push(client);
    assert.ok(tunnels.length > 10 && tunnels.length < LIMIT / 2, `${tunnels.length} tunnels`);
    const begun = cpuTime(limpet.pid);
    for (let i = 0; i < 10; ++i) assert.equal(await open(), undefined);
    assert.ok(cpuTime(limpet.pid) - begun < 0.5, 'it does not spin');
    for (const client of tunnels) client.write('x');
    await until('bytes through every tunnel', () =>
      server.connections.filter(({ reader }) => reader.size === 1).length === tunnels.length);
    for (const client of tunnels.slice(0, 5)) client.close();
    await until('a tunnel for another', open);
    for (const client of clients) client.close();
    await until('descriptors to be free', () => descriptors(limpet.pid) < LIMIT / 2);
    assert.equal((await ask(limpet.port, get('/'))).body, 'ok');
  });
});
