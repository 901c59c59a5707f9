// Configuration from files as people and orchestrators change them: a directory whose files come, go and are renamed,
// Kubernetes' links, TOML, and files that are broken for a while.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, visit } from './named_server.mjs';

/** One router and its service, reached under /NAME, as YAML. */
const yaml = (name, { url }) => `http:
  routers:
    ${name}:
      rule: PathPrefix(\`/${name}\`)
      service: ${name}
  services:
    ${name}:
      loadBalancer:
        servers:
          - url: ${url}
`;

/** The same as TOML. */
const toml = (name, { url }) => `[http.routers.${name}]
rule = "PathPrefix(\`/${name}\`)"
service = "${name}"

[[http.services.${name}.loadBalancer.servers]]
url = "${url}"
`;

describe('discovery', { timeout: 90_000 }, () => {
  let a;
  let b;
  let root;
  let limpet;
  before(async () => { [a, b] = [await startNamed('a'), await startNamed('b')]; });
  after(() => stopAll(a, b));

  const file = (...names) => join(root, ...names);
  const inNewFolder = (flags) => {
    before(() => { root = mkdtempSync(join(tmpdir(), 'limpet-test-')); });
    after(async () => {
      const code = await limpet?.stop();
      rmSync(root, { recursive: true, force: true });
      assert.equal(code, 0);
    });
    return () => startLimpet({}, { flags: ['--providers.file.filename=', ...flags(root)] });
  };
  /** Waits until /NAME is answered by a server, or by 404 for null. */
  const untilServes = (name, server) => until(`/${name} to be ${server?.name ?? 'gone'}`, async () => {
    const response = await visit(limpet.port, `/${name}`);
    return server ? response.server === server.name : response.status === 404;
  });
  const provider = async () => (await limpet.api('/api/providers')).find(({ name }) => name === 'file');

  describe('from a directory', () => {
    const start = inNewFolder((folder) => [`--providers.file.directory=${folder}`]);

    it('reads YAML and TOML, and nothing else', async () => {
      writeFileSync(file('first.yml'), yaml('first', a));
      writeFileSync(file('second.toml'), toml('second', b));
      writeFileSync(file('notes.txt'), 'not: [a configuration');
      writeFileSync(file('.hidden.yml'), 'not: [a configuration');
      limpet = await start();
      await untilServes('first', a);
      await untilServes('second', b);
      assert.equal((await provider()).failed, false);
    });

    it('follows files that are written in place, replaced, and renamed', async () => {
      const { socket } = await openTunnel(`${limpet.url}/first`);
      writeFileSync(file('first.yml'), yaml('first', b));
      await untilServes('first', b);
      writeFileSync(file('first.yml.tmp'), yaml('first', a));
      renameSync(file('first.yml.tmp'), file('first.yml'));
      await untilServes('first', a);
      renameSync(file('first.yml'), file('first.yml.bak'));
      await untilServes('first', null);
      assert.equal((await visit(limpet.port, '/second')).server, 'b');
      renameSync(file('first.yml.bak'), file('renamed.yaml'));
      await untilServes('first', a);
      assert.equal(socket.readyState, 1, 'tunnels of routers that went stay open');
      socket.terminate();
    });

    it('follows files and subdirectories that come and go', async () => {
      mkdirSync(file('more', 'still-more'), { recursive: true });
      writeFileSync(file('more', 'third.yml'), yaml('third', a));
      await untilServes('third', a);
      writeFileSync(file('more', 'still-more', 'fourth.toml'), toml('fourth', b));
      await untilServes('fourth', b);
      unlinkSync(file('more', 'third.yml'));
      await untilServes('third', null);
      renameSync(file('more'), file('.more'));
      await untilServes('fourth', null);
      renameSync(file('.more'), file('more'));
      await untilServes('fourth', b);
      rmSync(file('more'), { recursive: true });
      await untilServes('fourth', null);
    });

    it('takes references from one file to another', async () => {
      writeFileSync(file('router.yml'), 'http:\n  routers:\n    split:\n      rule: Path(`/split`)\n      service: second\n');
      await untilServes('split', b);
    });

    for (const [kind, name, broken, place] of [
      ['YAML', 'renamed.yaml', 'http:\n  routers: {first: [\n', /renamed\.yaml:\d+:\d+/],
      ['TOML', 'second.toml', '[http.routers.second]\nrule = "Path(`/x`)\n', /second\.toml:2:\d+/],
      ['a key', 'renamed.yaml', 'http:\n  routers:\n    first:\n      ruel: Path(`/`)\n', /renamed\.yaml:4:7/],
    ]) {
      it(`keeps what it has while ${kind} is broken, says where, and takes the repaired file`, async () => {
        const counter = async () => Number(/^limpet_config_reload_failures_total (\d+)/m.exec(
          await (await fetch(`${limpet.admin}/metrics`)).text())?.[1]);
        const failures = await counter();
        writeFileSync(file(name), broken);
        await until('it to be noticed', async () => (await provider()).failed);
        assert.match((await provider()).problems.map((problem) => problem.place).join(), place);
        assert.match(limpet.log(), place);
        assert.ok((await counter()) > failures);
        for (let i = 0; i < 5; ++i) {
          assert.equal((await visit(limpet.port, '/first')).server, 'a');
          assert.equal((await visit(limpet.port, '/second')).server, 'b');
        }
        writeFileSync(file('renamed.yaml'), yaml('first', b));
        writeFileSync(file('second.toml'), toml('second', a));
        await untilServes('first', b);
        await untilServes('second', a);
        assert.equal((await provider()).failed, false);
        writeFileSync(file('renamed.yaml'), yaml('first', a));
        writeFileSync(file('second.toml'), toml('second', b));
        await untilServes('first', a);
        await untilServes('second', b);
      });
    }

    it('disables a router whose rule is broken, and that one only', async () => {
      writeFileSync(file('second.toml'), toml('second', b).replace('PathPrefix', 'PathPerfix'));
      await untilServes('second', null);
      const router = await limpet.api('/api/http/routers/second@file');
      assert.equal(router.status, 'disabled');
      assert.match(router.error.join(), /did you mean PathPrefix\?/);
      assert.match(limpet.log(), /second\.toml:2:\d+.*PathPerfix/);
      assert.equal((await visit(limpet.port, '/first')).server, 'a');
      writeFileSync(file('second.toml'), toml('second', b));
      await untilServes('second', b);
    });

    it('names both places where two files define one thing', async () => {
      writeFileSync(file('twice.yml'), yaml('first', b));
      await until('it to be noticed', async () => (await provider()).failed);
      const text = JSON.stringify((await provider()).problems);
      assert.match(text, /twice\.yml:\d+:\d+/);
      assert.match(text, /renamed\.yaml:\d+:\d+/);
      assert.equal((await visit(limpet.port, '/first')).server, 'a');
      unlinkSync(file('twice.yml'));
      await until('it to be well', async () => !(await provider()).failed);
    });
  });

  /** A volume as kubelet makes it: NAME -> ..data/NAME, ..data -> a directory with the content. */
  let version = 0;
  const swap = (name, text) => {
    const [before, now] = [`..2026_${version}`, `..2026_${++version}`];
    mkdirSync(file(now));
    writeFileSync(file(now, name), text);
    symlinkSync(now, file('..data_tmp'));
    renameSync(file('..data_tmp'), file('..data'));
    rmSync(file(before), { recursive: true, force: true });
  };

  for (const [how, flag] of [['a directory', (folder) => `--providers.file.directory=${folder}`],
    ['a file', (folder) => `--providers.file.filename=${folder}/dynamic.yml`]]) {
    describe(`from a Kubernetes volume, as ${how}`, () => {
      const start = inNewFolder((folder) => [flag(folder)]);

      it('follows every swap of ..data', async () => {
        swap('dynamic.yml', yaml('app', a));
        symlinkSync('..data/dynamic.yml', file('dynamic.yml'));
        limpet = await start();
        await untilServes('app', a);
        for (const server of [b, a, b]) {
          swap('dynamic.yml', yaml('app', server));
          await untilServes('app', server);
        }
      });

      it('survives a broken one', async () => {
        swap('dynamic.yml', 'http: [');
        await until('it to be noticed', async () => (await provider()).failed);
        assert.equal((await visit(limpet.port, '/app')).server, 'b');
        swap('dynamic.yml', yaml('app', a));
        await untilServes('app', a);
      });
    });
  }

  describe('from a file that is not there yet', () => {
    const start = inNewFolder((folder) => [`--providers.file.filename=${folder}/later/dynamic.toml`]);

    it('starts, says so, and takes the file when it comes', async () => {
      limpet = await start();
      assert.equal((await provider()).failed, true);
      assert.equal((await visit(limpet.port, '/app')).status, 404);
      mkdirSync(file('later'));
      writeFileSync(file('later', 'dynamic.toml'), toml('app', a));
      await untilServes('app', a);
      rmSync(file('later'), { recursive: true });
      await until('it to be noticed', async () => (await provider()).failed);
      assert.equal((await visit(limpet.port, '/app')).server, 'a', 'what was read stays in force');
      mkdirSync(file('later'));
      writeFileSync(file('later', 'dynamic.toml'), toml('app', b));
      await untilServes('app', b);
    });
  });
});
