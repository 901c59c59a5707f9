// From start to stop: where the configuration comes from and what a wrong one costs, and what each signal does to those who
// are connected.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort, limpetBinary, oneService, startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, visit } from './named_server.mjs';
import { RawClient, RawServer, get } from './wire.mjs';

const plain = (url) => oneService([url], { sticky: undefined });

/** Starts limpet with these arguments and nothing else. `ended` resolves with its status and what it wrote. */
function spawnLimpet(args, { env = {}, cwd = tmpdir() } = {}) {
  const child = spawn(limpetBinary(), args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...env }, cwd });
  const started = { child, log: '', out: '' };
  child.stderr.on('data', (chunk) => { started.log += chunk; });
  child.stdout.on('data', (chunk) => { started.out += chunk; });
  const lastResort = setTimeout(() => child.kill('SIGKILL'), 20_000);
  started.ended = once(child, 'close').then(([code]) => { clearTimeout(lastResort); return { code, log: started.log }; });
  started.stop = () => { child.kill('SIGTERM'); return started.ended; };
  return started;
}

const isRefused = (port) => RawClient.connect(port).then((client) => { client.close(); return false; },
  ({ code }) => code === 'ECONNREFUSED');

/** Sends a request whose answer waits until `release` is called; `arrived` is when the server has it. */
async function slowRequest(limpet, server) {
  let release;
  const arrived = new Promise((resolve) => {
    server.onRequest = (request, response) => {
      release = () => { server.onRequest = undefined; response.end('late'); };
      resolve();
      return true;
    };
  });
  const client = await RawClient.connect(limpet.port);
  client.write(get('/slow'));
  await arrived;
  return { client, release };
}

describe('SIGTERM', { timeout: 60_000 }, () => {
  let server;
  before(async () => { server = await startNamed('a'); });
  after(() => stopAll(server));

  it('refuses new connections, finishes the request in flight, closes tunnels with 1012, and ends with 0', async () => {
    const limpet = await startLimpet(plain(server.url), { flags: ['--shutdown.tunnelGrace=1s'] });
    try {
      const { client, release } = await slowRequest(limpet, server);
      const idle = await RawClient.connect(limpet.port);
      server.onRequest = undefined;
      assert.equal((await idle.write(get()).readResponse()).status, 200);
      const { socket } = await openTunnel(limpet.url);
      const closed = once(socket, 'close');
      const serverSide = once([...server.tunnels][0], 'close');
      process.kill(limpet.pid, 'SIGTERM');
      await until('connections to be refused', () => isRefused(limpet.port));
      const echo = once(socket, 'message');
      socket.send('still open');
      assert.equal((await echo)[0].toString(), 'still open');
      assert.equal(await idle.rest(), '', 'an idle connection is closed');

      release();
      const released = performance.now();
      const late = await client.readResponse();
      assert.equal(late.body, 'late');
      assert.equal(late.get('connection'), 'close');
      const [code, reason] = await closed;
      assert.equal(code, 1012);
      assert.equal(reason.toString(), 'service restart');
      assert.equal((await serverSide)[0], 1012);
      assert.ok(performance.now() - released > 900, 'tunnels have their grace time');
      assert.equal(await limpet.exited, 0);
    } finally {
      await limpet.stop();
    }
  });

  it('puts the Close behind the frame that is under way', async () => {
    const frame = Buffer.concat([Buffer.from([0x82, 126, 0x01, 0x00]), Buffer.alloc(256, 'x')]);
    const raw = await RawServer.start(undefined, {
      onHead: (request, connection) => {
        connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
          + 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n');
        connection.socket.write(frame.subarray(0, 100));
        // Its own Close tells the server that Limpet is closing; only now the frame's end is sent.
        connection.reader.bytes(2).then(() => connection.socket.write(frame.subarray(100)), () => {});
        return false;
      },
    });
    const limpet = await startLimpet(plain(raw.url), { flags: ['--shutdown.tunnelGrace=100ms'] });
    try {
      const client = await RawClient.connect(limpet.port);
      client.write(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
        + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'));
      assert.equal((await client.readHead()).status, 101);
      assert.deepEqual(await client.reader.bytes(100), frame.subarray(0, 100));
      process.kill(limpet.pid, 'SIGTERM');
      assert.deepEqual(await client.reader.bytes(frame.length - 100), frame.subarray(100));
      const [first, length] = await client.reader.bytes(2);
      assert.equal(first, 0x88);
      const payload = await client.reader.bytes(length);
      assert.equal(payload.readUInt16BE(0), 1012);
      client.close();
      assert.equal(await limpet.exited, 0);
    } finally {
      await limpet.stop();
      await raw.stop();
    }
  });

  it('a second time hurries', async () => {
    const limpet = await startLimpet(plain(server.url), {
      flags: ['--shutdown.tunnelGrace=1h', '--entryPoints.web.transport.lifeCycle.graceTimeOut=1h'],
    });
    try {
      const { client } = await slowRequest(limpet, server);
      const { socket } = await openTunnel(limpet.url);
      const closed = once(socket, 'close');
      process.kill(limpet.pid, 'SIGTERM');
      await until('connections to be refused', () => isRefused(limpet.port));
      process.kill(limpet.pid, 'SIGTERM');
      assert.equal((await closed)[0], 1012);
      assert.equal(await limpet.exited, 0);
      client.close();
    } finally {
      server.onRequest = undefined;
      await limpet.stop();
    }
  });

  it('lets load balancers in front notice first: requests are taken on, /ping says 503', async () => {
    const limpet = await startLimpet(plain(server.url), {
      flags: ['--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=2s'],
    });
    try {
      process.kill(limpet.pid, 'SIGTERM');
      await until('/ping to say so', async () => (await fetch(`${limpet.admin}/ping`)).status === 503);
      assert.equal((await visit(limpet.port)).server, 'a');
      assert.equal(await limpet.exited, 0);
    } finally {
      await limpet.stop();
    }
  });
});

describe('other signals', { timeout: 60_000 }, () => {
  let a;
  let b;
  before(async () => { [a, b] = [await startNamed('a'), await startNamed('b')]; });
  after(() => stopAll(a, b));

  it('SIGHUP reads the files again, and closes nothing', async () => {
    const limpet = await startLimpet(plain(a.url), { flags: ['--providers.file.watch=false'] });
    try {
      const { socket } = await openTunnel(limpet.url);
      writeFileSync(limpet.file, JSON.stringify(plain(b.url)));
      assert.equal((await visit(limpet.port)).server, 'a', 'without watching, nothing changes by itself');
      process.kill(limpet.pid, 'SIGHUP');
      await until('b to serve', async () => (await visit(limpet.port)).server === 'b');
      const echo = once(socket, 'message');
      socket.send('here');
      assert.equal((await echo)[0].toString(), 'here');
      socket.terminate();
    } finally {
      assert.equal(await limpet.stop(), 0);
    }
  });

  it('SIGUSR1 opens the log files anew', async () => {
    const limpet = await startLimpet(plain(a.url), {
      flags: ['--accessLog.filePath={folder}/access.log', '--log.filePath={folder}/limpet.log'],
    });
    try {
      const [access, log] = ['access.log', 'limpet.log'].map((name) => join(limpet.folder, name));
      await visit(limpet.port, '/before');
      await until('its line', () => readFileSync(access, 'utf8').includes('/before'));
      for (const file of [access, log]) renameSync(file, `${file}.1`);
      process.kill(limpet.pid, 'SIGUSR1');
      await until('new files', () => existsSync(access) && existsSync(log));
      await visit(limpet.port, '/after');
      await until('its line', () => readFileSync(access, 'utf8').includes('/after'));
      assert.doesNotMatch(readFileSync(access, 'utf8'), /\/before/);
      assert.doesNotMatch(readFileSync(`${access}.1`, 'utf8'), /\/after/);
      process.kill(limpet.pid, 'SIGHUP');
      await until('a line in the new log', () => readFileSync(log, 'utf8').includes('reloading'));
    } finally {
      assert.equal(await limpet.stop(), 0);
    }
  });
});

describe('a start that fails', { timeout: 60_000 }, () => {
  let folder;
  before(() => { folder = mkdtempSync(join(tmpdir(), 'limpet-test-')); });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('costs status 1 and a sentence where a port is taken', async () => {
    const taken = await startNamed('a');
    try {
      const { code, log } = await spawnLimpet(['run', `--entryPoints.web.address=127.0.0.1:${taken.port}`,
        `--api.address=127.0.0.1:${await freePort()}`]).ended;
      assert.equal(code, 1);
      const lines = log.trim().split('\n');
      assert.equal(lines.length, 1, log);
      assert.match(lines[0], new RegExp(`entry point web: .*127\\.0\\.0\\.1:${taken.port}.*in use`, 'i'));
    } finally {
      await taken.stop();
    }
  });

  it('costs status 2 and every place where the configuration is wrong', async () => {
    const file = join(folder, 'limpet.yml');
    writeFileSync(file, 'entryPoints:\n  web:\n    addres: ":80"\nlog:\n  level: LOUD\n');
    const { code, log } = await spawnLimpet(['run', `--configFile=${file}`, '--accessLog.formt=json']).ended;
    assert.equal(code, 2);
    assert.match(log, /limpet\.yml:3:5: error: entryPoints\.web\.addres: .*did you mean address\?/);
    assert.match(log, /limpet\.yml:5:10: error: log\.level: .*DEBUG/);
    assert.match(log, /flag --accessLog\.formt: error: .*did you mean format\?/);
    writeFileSync(file, 'entryPoints: [\n  web: }\n');
    const broken = await spawnLimpet(['run', `--configFile=${file}`]).ended;
    assert.equal(broken.code, 2);
    assert.match(broken.log, /limpet\.yml:2:\d+: error: /);
  });
});

describe('the static configuration', { timeout: 60_000 }, () => {
  let folder;
  before(() => { folder = mkdtempSync(join(tmpdir(), 'limpet-test-')); });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const ready = (limpet, url) => until('limpet to answer', async () => {
    if (limpet.child.exitCode !== null) throw new Error(`limpet ended:\n${limpet.log}`);
    return fetch(url).then((response) => response.ok, () => false);
  });

  it('mixes flags, LIMPET_ and TRAEFIK_ variables and a file, in this precedence', async () => {
    const admin = `127.0.0.1:${await freePort()}`;
    const address = {};
    for (const name of ['file', 'traefik3', 'limpet', 'flag', 'wrong']) address[name] = `127.0.0.1:${await freePort()}`;
    const file = join(folder, 'mixed.toml');
    const table = (name, own) => `[entryPoints.${name}]\naddress = "${own}"\n`;
    writeFileSync(file, table('e1', address.file) + table('e2', address.wrong) + table('e3', address.wrong)
      + table('e4', address.wrong));
    const limpet = spawnLimpet(['run', `--configFile=${file}`, `--entrypoints.e4.address=${address.flag}`,
      `--api.address=${admin}`], {
      env: {
        TRAEFIK_ENTRYPOINTS_E2_ADDRESS: address.traefik3,
        TRAEFIK_ENTRYPOINTS_E3_ADDRESS: address.wrong,
        TRAEFIK_ENTRYPOINTS_E4_ADDRESS: address.wrong,
        LIMPET_ENTRYPOINTS_E3_ADDRESS: address.limpet,
        LIMPET_ENTRYPOINTS_E4_ADDRESS: address.wrong,
      },
    });
    try {
      await ready(limpet, `http://${admin}/ping`);
      const points = await (await fetch(`http://${admin}/api/entrypoints`)).json();
      const of = (name) => points.find((point) => point.name === name)?.address;
      assert.deepEqual([of('e1'), of('e2'), of('e3'), of('e4')],
        [address.file, address.traefik3, address.limpet, address.flag]);
      for (const own of [address.file, address.traefik3, address.limpet, address.flag]) {
        assert.equal((await visit(Number(own.split(':')[1]))).status, 404);
      }
    } finally {
      assert.equal((await limpet.stop()).code, 0);
    }
  });

  it('is Traefik\'s command line without `run`: an insecure API on entry point traefik, unknown keys a warning', async () => {
    const server = await startNamed('a');
    const file = join(folder, 'dynamic.yml');
    writeFileSync(file, JSON.stringify(plain(server.url)));
    const [web, traefik] = [await freePort(), await freePort()];
    const args = ['--api.insecure=true', `--providers.file.filename=${file}`, `--entryPoints.web.address=127.0.0.1:${web}`,
      `--entryPoints.traefik.address=127.0.0.1:${traefik}`, '--api.nonsense=1'];
    const limpet = spawnLimpet(args);
    try {
      await ready(limpet, `http://127.0.0.1:${traefik}/api/overview`);
      assert.match(limpet.log, /api\.nonsense/);
      assert.equal((await visit(web)).server, 'a');
      assert.equal((await fetch(`http://127.0.0.1:${traefik}/nowhere`)).status, 404, 'routers are on entry point web only');
      const { code, log } = await spawnLimpet(['run', ...args]).ended;
      assert.equal(code, 2);
      assert.match(log, /flag --api\.nonsense: error: /);
    } finally {
      assert.equal((await limpet.stop()).code, 0);
      await server.stop();
    }
  });
});
