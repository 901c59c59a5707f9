// Discovery by labels from a real Docker Engine: a Traefik user's own compose file with Limpet in Traefik's place, and a
// Limpet beside containers that start, stop, change and outlive the Engine.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { chatBinary } from './chat_server.mjs';
import { enterNamespaces, fnv1a, inNamespaces, startEngine, whyNoEngine } from './docker_engine.mjs';
import { limpetBinary, startLimpet, until } from './limpet_process.mjs';

const skip = whyNoEngine();
if (skip) console.log(`no tests with a Docker Engine: ${skip}`);
if (!skip && !inNamespaces()) enterNamespaces(fileURLToPath(import.meta.url));

const COMPOSE_FILE = new URL('../data/docker/docker-compose.yml', import.meta.url);
const LONGEST_ROUTE_MS = 500;

/** GETs a path of 127.0.0.1 as a browser would that looks for `host`. */
async function visit(port, host, path, headers = {}) {
  const sent = request({ host: '127.0.0.1', port, path, headers: { host, ...headers } });
  sent.end();
  const response = await new Promise((resolve, reject) => {
    sent.on('response', (answer) => resolve(answer));
    sent.on('error', reject);
  });
  const cookie = /ws-session=([^;]+)/.exec(response.headers['set-cookie']?.join() ?? '')?.[1];
  return { status: response.statusCode, headers: response.headers, cookie, body: await text(response) };
}

/** The status of a visit, 0 while nobody answers. */
const status = (...args) => visit(...args).then((answer) => answer.status, () => 0);

/** A chat user with a tunnel. */
async function enterChat(url, headers) {
  const socket = io(url, { path: '/ws', forceNew: true, reconnection: false, transports: ['websocket'], extraHeaders: headers });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

describe('Docker', { skip: skip ?? false, timeout: 280_000 }, () => {
  let engine;
  before(async () => {
    engine = await startEngine();
    await engine.image('limpet:latest', limpetBinary(), 'usr/bin/limpet', ['ENTRYPOINT ["/usr/bin/limpet"]']);
    // The first process of a container ignores the signals that it does not handle: SIGUSR2 ends nothing.
    await engine.image('nodewsapp:latest', chatBinary(), 'bin/limpet-chat',
      ['ENTRYPOINT ["/bin/limpet-chat", "--host", "0.0.0.0", "--port", "3000"]']);
    await engine.docker('network', 'create', 'web');
  });
  after(() => engine?.close());

  describe("a Traefik user's compose file", () => {
    let folder;
    const compose = (...args) => engine.compose(folder, ...args);
    const api = async (path) => JSON.parse((await visit(8080, 'localhost', path)).body);
    const servers = async () => (await api('/api/http/services/webapp@docker')).loadBalancer?.servers?.map(({ url }) => url) ?? [];
    const untilServers = (count) => until(`${count} servers`, async () => {
      const urls = await servers().catch(() => []);
      return urls.length === count && urls;
    }, 30_000);

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'demo-'));
      const file = readFileSync(COMPOSE_FILE, 'utf8').replace('image: traefik:latest', 'image: limpet:latest');
      writeFileSync(join(folder, 'docker-compose.yml'), file);
      await compose('--compatibility', 'up', '-d');
    });
    after(async () => {
      await compose('down', '-t', '1');
      rmSync(folder, { recursive: true });
    });

    it('is balanced by Limpet as it is', async () => {
      const urls = await untilServers(3);
      for (const url of urls) assert.match(url, /^http:\/\/172\.\d+\.\d+\.\d+:3000$/);
      const service = await api('/api/http/services/webapp@docker');
      assert.deepEqual(service.usedBy, ['webapp@docker']);
      assert.equal(service.loadBalancer.sticky.cookie.name, 'ws-session');
      assert.equal((await visit(80, 'localhost', '/')).status, 200);
      assert.equal((await visit(80, 'elsewhere', '/')).status, 404);
    });

    it('keeps users by a cookie that they compute themselves', async () => {
      const names = new Map();
      for (const url of await untilServers(3)) {
        const headers = { cookie: `ws-session=${fnv1a(url)}` };
        const first = await visit(80, 'localhost', '/hostname', headers);
        assert.equal(first.cookie, undefined);
        for (let i = 0; i < 5; i += 1) assert.equal((await visit(80, 'localhost', '/hostname', headers)).body, first.body);
        names.set(first.body, url);
      }
      assert.equal(names.size, 3);
    });

    it('shows the API and the dashboard at admin.localhost, whatever else its labels say', async () => {
      const version = await visit(80, 'admin.localhost', '/api/version');
      assert.equal(version.status, 200);
      assert.ok(JSON.parse(version.body).Version);
      assert.equal((await visit(80, 'admin.localhost', '/dashboard/')).status, 200);
      assert.equal((await api('/api/http/routers/api@docker')).status, 'enabled');
    });

    it('follows docker-compose up --scale', async () => {
      const before = await untilServers(3);
      await compose('--compatibility', 'up', '-d', '--scale', 'nodeapp=5');
      const more = await untilServers(5);
      for (const url of before) assert.ok(more.includes(url));
      await compose('--compatibility', 'up', '-d', '-t', '1', '--scale', 'nodeapp=2');
      await untilServers(2);
      assert.equal((await visit(80, 'localhost', '/')).status, 200);
    });
  });

  describe('containers that come and go', () => {
    let limpet;
    before(async () => {
      limpet = await startLimpet({}, {
        flags: [`--providers.docker.endpoint=${engine.endpoint}`, '--providers.docker.network=web', '--log.level=DEBUG'],
      });
    });
    after(() => limpet?.stop());

    /** Starts a chat server behind host NAME. */
    const start = (name, service, ...flags) => engine.docker(
      'run', '-d', '--name', name, '--network', 'web', '--label', `traefik.http.routers.${service}.rule=Host(\`${service}\`)`,
      '--label', `traefik.http.services.${service}.loadbalancer.server.port=3000`,
      '--label', `traefik.http.services.${service}.loadbalancer.sticky.cookie.name=ws-session`, ...flags, 'nodewsapp');
    const servers = async (service) => (await limpet.api('/api/servers')).filter((each) => each.service === `${service}@docker`);
    const untilServers = (service, count) => until(`${count} servers of ${service}`,
      async () => { const all = await servers(service); return all.length === count && all; }, 30_000);

    it('routes an event within half a second', async () => {
      // Machines stall: it is the best of some tries that tells.
      let best = Infinity;
      for (let i = 0; i < 5 && best > LONGEST_ROUTE_MS; i += 1) {
        await start(`quick${i}`, `quick${i}`);
        await until('a route', async () => await status(limpet.port, `quick${i}`, '/health') === 200);
        const routed = Date.now();
        const [{ State }] = JSON.parse(await engine.docker('inspect', `quick${i}`));
        best = Math.min(best, routed - Date.parse(State.StartedAt));
        await engine.docker('rm', '-f', `quick${i}`);
        await until('no route', async () => await status(limpet.port, `quick${i}`, '/health') === 404);
      }
      assert.ok(best <= LONGEST_ROUTE_MS, `${best} ms`);
    });

    it('follows health, names and networks', async () => {
      await start('plain', 'plain');
      await untilServers('plain', 1);
      await engine.docker('network', 'create', 'side');
      await engine.docker('network', 'connect', 'side', 'plain');
      await engine.docker('network', 'disconnect', 'web', 'plain');
      const address = await engine.address('plain');
      await until('the other address', async () => (await servers('plain'))[0]?.url === `http://${address}:3000`);
      await engine.docker('network', 'connect', 'web', 'plain');
      await until('the wanted network', async () => (await servers('plain'))[0]?.url !== `http://${address}:3000`);
      await engine.docker('pause', 'plain');
      await until('a paused server is fenced', async () => (await servers('plain'))[0]?.fenced === true);
      await engine.docker('unpause', 'plain');
      await until('it is back', async () => (await servers('plain'))[0]?.fenced === false);
      await engine.docker('rm', '-f', 'plain');
      await untilServers('plain', 0);

      await engine.docker('run', '-d', '--name', 'first', '--network', 'web', '--expose', '3000', 'nodewsapp');
      await until('the default rule', async () => await status(limpet.port, 'first', '/health') === 200);
      await engine.docker('rename', 'first', 'second_name');
      await until('the new name', async () => await status(limpet.port, 'second-name', '/health') === 200);
      assert.equal(await status(limpet.port, 'first', '/health'), 404);
      await engine.docker('rm', '-f', 'second_name');

      await start('sick', 'sick', '--health-cmd', '/bin/limpet-chat --help', '--health-interval', '1s', '--health-start-period', '5s');
      const health = async () => JSON.parse(await engine.docker('inspect', 'sick'))[0].State.Health.Status;
      await until('its health is known', async () => await health() !== 'starting', 30_000);
      // The image has no shell, so the check cannot succeed.
      assert.equal(await health(), 'unhealthy');
      assert.equal((await servers('sick')).length, 0);
      await engine.docker('rm', '-f', 'sick');
    });

    it('sends no new users to a container that stops, and leaves its tunnels alone', async () => {
      for (const name of ['one', 'two']) await start(name, 'pair', '--stop-signal', 'SIGUSR2');
      await untilServers('pair', 2);
      const leaving = `http://${await engine.address('one')}:3000`;
      const cookie = `ws-session=${fnv1a(leaving)}`;
      const user = await enterChat(limpet.url, { host: 'pair', cookie });
      let gone;
      user.on('disconnect', (reason) => { gone = reason; });
      const stopped = engine.docker('stop', '-t', '4', 'one');
      await until('it is fenced', async () => (await servers('pair')).find(({ url }) => url === leaving)?.fenced);
      const stays = fnv1a(`http://${await engine.address('two')}:3000`);
      for (let i = 0; i < 10; i += 1) assert.equal((await visit(limpet.port, 'pair', '/health')).cookie.replace(/^0+/, ''), stays);
      // Who is bound to it is still served by it, and the tunnel carries on.
      assert.equal((await visit(limpet.port, 'pair', '/hostname', { cookie })).cookie, undefined);
      assert.equal(gone, undefined);
      assert.equal((await servers('pair')).find(({ url }) => url === leaving).tunnels, 1);
      await stopped;
      await until('the server ends the tunnel itself', () => gone);
      await untilServers('pair', 1);
      await engine.docker('rm', '-f', 'one', 'two');
    });

    it('is not fooled by a signal that stops nothing', async () => {
      await start('hup', 'hup');
      await untilServers('hup', 1);
      await engine.docker('kill', '--signal', 'SIGUSR1', 'hup');
      await start('later', 'later');
      await untilServers('later', 1);
      assert.equal((await servers('hup'))[0].fenced, false);
      await engine.docker('rm', '-f', 'hup', 'later');
    });

    it('leaves out what conflicts, and says so', async () => {
      await start('left', 'clash');
      await start('right', 'clash', '--label', 'traefik.http.routers.clash.priority=7');
      await until('the router is gone', async () => await status(limpet.port, 'clash', '/health') === 404);
      assert.match(limpet.log(), /http\.routers\.clash: defined in different ways by container left and container right/);
      await engine.docker('rm', '-f', 'right');
      await until('it is back', async () => await status(limpet.port, 'clash', '/health') === 200);
      await engine.docker('rm', '-f', 'left');
    });

    it('outlives the Engine, and catches up with it', async () => {
      await start('stays', 'stays');
      await untilServers('stays', 1);
      await engine.stop('SIGKILL');
      const provider = async () => (await limpet.api('/api/providers')).find(({ name }) => name === 'docker');
      await until('Limpet knows', async () => (await provider()).failed);
      assert.equal(await status(limpet.port, 'stays', '/health'), 200);
      await engine.start();
      await until('Limpet knows that too', async () => !(await provider()).failed, 30_000);
      assert.equal(await status(limpet.port, 'stays', '/health'), 200);
      await start('next', 'next');
      await untilServers('next', 1);
      await engine.docker('rm', '-f', 'stays', 'next');
      await untilServers('stays', 0);
    });
  });
});
