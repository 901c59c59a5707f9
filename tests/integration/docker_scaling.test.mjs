// Containers of a Compose service that come and go with their users, on a real Docker Engine: a Traefik user's own compose
// file with a few labels more, rolled to another image, down to no container at all, under people's hands.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { chatBinary } from './chat_server.mjs';
import { enterNamespaces, inNamespaces, startEngine, whyNoEngine } from './docker_engine.mjs';
import { limpetBinary, startLimpet, until } from './limpet_process.mjs';

const skip = whyNoEngine();
if (skip) console.log(`no tests with a Docker Engine: ${skip}`);
if (!skip && !inNamespaces()) enterNamespaces(fileURLToPath(import.meta.url));

const COMPOSE_FILE = new URL('../data/docker/docker-compose.yml', import.meta.url);
const PATIENCE_MS = 40_000;
const FAST = ['capacity=4', 'headroom=1', 'interval=100ms', 'stabilisation=1s'].map((each) => `limpet.scale.${each}`);

/** A chat user, held until there is a seat; `cut` is why the connection ended, if the user has not left. */
async function enter(url, headers = {}) {
  const socket = io(url, { path: '/ws', forceNew: true, reconnection: false, transports: ['websocket'], extraHeaders: headers, timeout: PATIENCE_MS });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  const user = { leave: () => { user.left = true; socket.disconnect(); } };
  socket.on('disconnect', (reason) => { if (!user.left) user.cut = reason; });
  return user;
}

describe('scaling on Docker', { skip: skip ?? false, timeout: 280_000 }, () => {
  let engine;
  const folders = [];
  /** A Compose project of its own: its commands, and what there is of service `nodeapp`. */
  function project(name, file) {
    const folder = join(mkdtempSync(join(tmpdir(), 'compose-')), name);
    folders.push(folder);
    mkdirSync(folder);
    writeFileSync(join(folder, 'docker-compose.yml'), file);
    const filter = ['--filter', `label=com.docker.compose.project=${name}`, '--filter', 'label=com.docker.compose.service=nodeapp'];
    return {
      compose: (...args) => engine.compose(folder, ...args),
      /** Names of the containers that run, or with `-a` all. */
      containers: async (...args) => (await engine.docker('ps', ...args, ...filter, '--format', '{{.Names}}')).split('\n').filter(Boolean).sort(),
    };
  }
  const untilCount = (name, app, count, ...args) => until(`${count} containers ${name}`, async () => {
    const names = await app.containers(...args);
    return names.length === count && names;
  }, PATIENCE_MS);

  before(async () => {
    engine = await startEngine();
    await engine.image('limpet:latest', limpetBinary(), 'usr/bin/limpet', ['ENTRYPOINT ["/usr/bin/limpet"]']);
    const chat = (tag, ...flags) => engine.image(tag, chatBinary(), 'bin/limpet-chat',
      [`ENTRYPOINT ${JSON.stringify(['/bin/limpet-chat', '--host', '0.0.0.0', ...flags])}`]);
    await chat('nodewsapp:latest', '--port', '3000');
    await chat('nodewsapp:2', '--port', '3000', '--name', 'two');
    await chat('nodewsapp:broken', '--port', 'broken');
  });
  after(async () => {
    await engine?.close();
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it("follows the users of a Traefik user's compose file, and cuts none", async () => {
    const labels = ['limpet.scale.min=1', 'limpet.scale.max=3', ...FAST].map((label) => `      - "${label}"\n`).join('');
    const file = readFileSync(COMPOSE_FILE, 'utf8').replace('image: traefik:latest', 'image: limpet:latest')
      .replace(/(\s+labels:\n)(\s+- "traefik\.http\.routers\.webapp)/, `$1${labels}$2`);
    assert.match(file, /limpet\.scale\.min=1/);
    const app = project('demo', file);
    await app.compose('--compatibility', 'up', '-d', '--scale', 'nodeapp=1');
    const pool = () => fetch('http://127.0.0.1:8080/api/scaling/webapp').then((answer) => answer.json());
    await until('Limpet to know its server', () => pool().then(({ ready }) => ready === 1, () => false), PATIENCE_MS);
    const users = [];
    for (let i = 0; i < 10; i += 1) users.push(await enter('http://127.0.0.1', { host: 'localhost' }));
    const grown = await untilCount('for 10 users', app, 3);
    assert.deepEqual(grown, [1, 2, 3].map((number) => `demo_nodeapp_${number}`));
    const state = await pool();
    assert.equal(state.driver, 'docker');
    assert.deepEqual(state.servers.map(({ name }) => name).sort(), grown);
    assert.equal(state.servers.reduce((sum, { connections }) => sum + connections, 0), 10);

    // What is new differs from the first one in nothing but what makes it another one.
    const [first, last] = JSON.parse(await engine.docker('inspect', grown[0], grown[2]));
    const comparable = ({ Config, HostConfig, NetworkSettings, Image }) => ({
      Image, HostConfig,
      Config: { ...Config, Hostname: '', Labels: { ...Config.Labels, 'com.docker.compose.container-number': '' } },
      Networks: Object.entries(NetworkSettings.Networks).map(([name, { Aliases, NetworkID }]) => [name, NetworkID, Aliases.filter((alias) => !/^[0-9a-f]{12}$/.test(alias))]),
    });
    assert.deepEqual(comparable(last), comparable(first));
    assert.equal(last.Config.Labels['com.docker.compose.container-number'], '3');
    // Compose takes it for its own: it has nothing to do.
    assert.match(await app.compose('ps'), /demo_nodeapp_3 .* Up/);
    const ids = await engine.docker('ps', '-q');
    await app.compose('--compatibility', 'up', '-d', '--scale', 'nodeapp=3');
    assert.equal(await engine.docker('ps', '-q'), ids);

    // One goes at once; the next would have its turn 15 s later.
    for (const user of users.slice(1)) user.leave();
    await untilCount('for one user', app, 2, '-a');
    assert.deepEqual(users.map(({ cut }) => cut).filter(Boolean), []);
    await app.compose('down', '-t', '1');
    assert.equal(await engine.docker('ps', '-aq'), '');
    assert.equal((await engine.docker('network', 'ls', '--filter', 'name=demo', '-q')), '');
  });

  describe('beside Limpet', () => {
    const file = (labels) => `version: "3.8"\nservices:\n  nodeapp:\n    image: nodewsapp\n    labels:\n${[
      'traefik.http.routers.app.rule=PathPrefix(`/`)', 'traefik.http.services.app.loadbalancer.server.port=3000',
      'limpet.scale.max=3', ...FAST, ...labels].map((label) => `      - "${label}"\n`).join('')}`;
    const flags = () => [`--providers.docker.endpoint=${engine.endpoint}`];
    const poolOf = (limpet) => limpet.api('/api/scaling/app').catch(() => ({ servers: [] }));
    const untilPool = (limpet, what, check) => until(what, async () => {
      const state = await poolOf(limpet);
      return check(state) && state;
    }, PATIENCE_MS).catch(async (error) => { throw new Error(`${error.message}\n${JSON.stringify(await poolOf(limpet))}\n${limpet.log()}`); });

    it('has no container while nobody is there, and holds the first user until one answers', async () => {
      const app = project('zero', file(['limpet.scale.min=0']));
      await app.compose('up', '-d');
      const limpet = await startLimpet({}, { flags: flags() });
      try {
        await untilCount('while nobody is there', app, 0);
        // One is kept, so that there is something to start.
        assert.equal((await app.containers('-a')).length, 1);
        const user = await enter(limpet.url);
        assert.equal((await app.containers('-a')).length, 1);
        assert.match((await poolOf(limpet)).decisions.find(({ acts, why }) => acts && /launch/.test(why)).why, /1 waiting/);
        assert.equal(user.cut, undefined);
        user.leave();
      } finally {
        await limpet.stop();
      }
      await app.compose('down', '-t', '1');
    });

    it('moves to another image without cutting anyone, and stays where it is if that does not run', async () => {
      const app = project('roll', file(['limpet.scale.min=2']));
      await app.compose('up', '-d');
      let limpet = await startLimpet({}, { flags: flags() });
      const change = (query) => limpet.api(`/api/scaling/app?${query}`, { method: 'POST' });
      const imageOf = async (name) => JSON.parse(await engine.docker('inspect', name))[0].Config.Image;
      try {
        await untilPool(limpet, 'two servers', ({ ready }) => ready === 2);
        assert.deepEqual(await app.containers(), ['roll_nodeapp_1', 'roll_nodeapp_2']);
        await change('image=nodewsapp:broken');
        const failed = await untilPool(limpet, 'the failure', ({ failedLaunches }) => failedLaunches > 0);
        assert.match(failed.trouble, /roll_nodeapp_\d ended at once: Exited \(\d+\), its last line: .*broken/);
        await until('nothing to be left of it', async () => (await app.containers('-a')).length === 2, PATIENCE_MS);
        assert.equal((await poolOf(limpet)).ready, 2);
        await change('image=no-such-image');
        await untilPool(limpet, 'the lack of the image to be told', ({ trouble }) => /image no-such-image: 404 no such image/.test(trouble));
        await change('image=default');

        // What Limpet is told ends with it; what runs is taken over by the next one.
        await limpet.stop('SIGKILL');
        limpet = await startLimpet({}, { flags: flags() });
        const found = await untilPool(limpet, 'two servers', ({ ready }) => ready === 2);
        assert.equal(found.totals.launches, 0);

        const user = await enter(limpet.url);
        await change('image=nodewsapp:2');
        const rolled = await untilPool(limpet, 'the old ones but the one with a user to be gone',
          ({ servers }) => servers.filter(({ current }) => current).length === 2 && servers.filter(({ current }) => !current).length === 1);
        for (const { name, current, state } of rolled.servers) {
          assert.equal(await imageOf(name), current ? 'nodewsapp:2' : 'nodewsapp');
          assert.equal(state, current ? 'ready' : 'draining');
        }
        const later = await enter(limpet.url);
        const state = await poolOf(limpet);
        assert.equal(state.servers.filter(({ current, connections }) => current && connections === 1).length, 1);
        user.leave();
        await untilPool(limpet, 'the old one to end', ({ servers }) => servers.every(({ current }) => current));
        assert.deepEqual([user.cut, later.cut], [undefined, undefined]);
        later.leave();
      } finally {
        await limpet.stop();
      }
      // Limpet's end is not theirs.
      assert.equal((await app.containers()).length, 2);
      await app.compose('down', '-t', '1');
    });

    it('lets people stop containers, and replaces what ends by itself', async () => {
      const app = project('hands', file(['limpet.scale.min=2']));
      await app.compose('up', '-d', '--scale', 'nodeapp=2');
      await engine.docker('run', '-d', '--name', 'alike', '--network', 'hands_default', '--label', 'com.docker.compose.service=nodeapp', 'nodewsapp');
      const limpet = await startLimpet({}, { flags: flags() });
      try {
        await untilPool(limpet, 'two servers', ({ ready }) => ready === 2);
        const user = await enter(limpet.url);
        const { servers } = await poolOf(limpet);
        const empty = servers.find(({ connections }) => connections === 0).name;
        // The process dies, and nobody has asked for that.
        process.kill(Number(await engine.docker('inspect', '-f', '{{.State.Pid}}', empty)), 'SIGKILL');
        await untilPool(limpet, 'the loss', ({ trouble }) => trouble.includes(`${empty} ended: exit status 137`));
        await untilPool(limpet, 'two servers again', ({ ready }) => ready === 2);
        // As Compose does it, the one that has ended was started again.
        assert.deepEqual(await app.containers('-a'), ['hands_nodeapp_1', 'hands_nodeapp_2']);
        assert.equal(user.cut, undefined);

        await app.compose('stop', '-t', '1');
        await untilPool(limpet, 'Limpet to understand', ({ trouble }) => /somebody has stopped all containers of nodeapp/.test(trouble));
        await app.compose('start');
        await untilPool(limpet, 'two servers once more', ({ ready, trouble }) => ready === 2 && !/somebody/.test(trouble));
        assert.equal((await app.containers('-a')).length, 2);
        await engine.docker('rm', '-f', 'alike');
        await app.compose('down', '-t', '1');
        await until('the service to be gone', async () => (await limpet.api('/api/scaling')).length === 0, PATIENCE_MS);
        assert.equal(await engine.docker('ps', '-aq'), '');
      } finally {
        await limpet.stop();
      }
    });

    it('finds the containers of a service in a file by itself', async () => {
      const app = project('file', 'version: "3.8"\nservices:\n  nodeapp:\n    image: nodewsapp\n');
      await app.compose('up', '-d');
      const limpet = await startLimpet({
        http: {
          routers: { all: { rule: 'PathPrefix(`/`)', service: 'app' } },
          services: {
            app: {
              loadBalancer: {
                scaling: {
                  min: 1, max: 3, capacity: 4, headroom: 1, interval: '100ms', stabilisation: '1s',
                  docker: { project: 'file', service: 'nodeapp', port: 3000, readyPath: '/health' },
                },
              },
            },
          },
        },
      }, { flags: [...flags(), '--providers.docker.exposedByDefault=false'] });
      try {
        const users = [];
        for (let i = 0; i < 6; i += 1) users.push(await enter(limpet.url));
        await untilCount('for 6 users', app, 2);
        for (const user of users) user.leave();
        await untilCount('for nobody', app, 1, '-a');
        assert.deepEqual(users.map(({ cut }) => cut).filter(Boolean), []);
      } finally {
        await limpet.stop();
      }
      await app.compose('down', '-t', '1');
    });
  });
});
