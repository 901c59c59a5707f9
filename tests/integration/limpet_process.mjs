// Starts the real limpet for tests, with a dynamic configuration in a folder of its own, and stops it by its process id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const START_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 20_000;

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Where limpet is: $LIMPET, or the first build that has one. */
export function limpetBinary() {
  const candidates = [process.env.LIMPET, fromHere('../../build/release/limpet'), fromHere('../../build/limpet')];
  const found = candidates.filter(Boolean).find(existsSync);
  if (!found) throw new Error(`limpet is not built; looked at ${candidates.join(', ')}`);
  return found;
}

// Below the range from which the kernel takes ports for outgoing connections, so that none of those is in the way.
const [FIRST_PORT, LAST_PORT] = [16_000, 32_000];
const given = new Set();

/** A port of 127.0.0.1 that nobody listened on a moment ago; a different one at each call. */
export async function freePort() {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (given.has(port)) continue;
    given.add(port);
    const probe = createServer();
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

/** Resolves when `check` returns something truthy (which it resolves with); fails after `deadline` ms, saying `what`. */
export async function until(what, check, deadline = 10_000) {
  const end = Date.now() + deadline;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`${what}: not within ${deadline} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The dynamic configuration of one service `app` behind one router for everything. */
export function oneService(urls, loadBalancer = {}) {
  const servers = urls.map((url) => ({ url }));
  return {
    http: {
      routers: { all: { rule: 'PathPrefix(`/`)', service: 'app' } },
      services: { app: { loadBalancer: { servers, sticky: { cookie: { name: 'ws-session' } }, ...loadBalancer } } },
    },
  };
}

/**
 * Starts limpet and waits until it answers.
 * @param {object} dynamic the dynamic configuration
 * @param {{flags?: string[], files?: Record<string, string>, env?: Record<string, string>, admin?: number,
 *   under?: string[]}} options more flags; files to put into its folder first (their names may be used in flags as
 *   {folder}/NAME); `admin` is the port of the API, if flags put it on an entry point; `under` is a command that becomes
 *   limpet, such as prlimit
 */
export async function startLimpet(dynamic, { flags = [], files = {}, env = {}, admin, under = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'limpet-test-'));
  const file = join(folder, 'dynamic.yml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(dynamic, null, 2));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const [port, adminPort] = [await freePort(), admin ?? await freePort()];
  // Where Traefik would take port 8080, which may be somebody's.
  const wantsTraefik = flags.some((flag) => /^--(metrics|api\.insecure)/.test(flag))
    && !flags.some((flag) => /^--(entryPoints\.traefik|metrics\.prometheus\.entryPoint)/.test(flag));
  const traefik = wantsTraefik ? [`--entryPoints.traefik.address=127.0.0.1:${await freePort()}`] : [];
  const [command, ...before] = [...under, limpetBinary()];
  const child = spawn(
    command,
    [
      ...before,
      'run',
      `--entryPoints.web.address=127.0.0.1:${port}`,
      ...(admin ? [] : [`--api.address=127.0.0.1:${adminPort}`]),
      ...traefik,
      '--api.dashboard=true',
      `--providers.file.filename=${file}`,
      '--providers.providersThrottleDuration=50ms',
      '--dataPath.threads=2',
      // Tests that don't ask for it need not wait for tunnels to be closed one by one.
      ...(flags.some((flag) => flag.startsWith('--shutdown.closeWindow=')) ? [] : ['--shutdown.closeWindow=0s']),
      ...flags.map((flag) => flag.replaceAll('{folder}', folder)),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...env } },
  );
  const exited = once(child, 'exit').then(([code]) => code ?? -1);
  let log = '';
  let out = '';
  child.stderr.on('data', (chunk) => { log += chunk; });
  child.stdout.on('data', (chunk) => { out += chunk; });
  const stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    const code = await exited;
    clearTimeout(lastResort);
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  const replaceFile = (text) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const fileProvider = async () => (await limpet.api('/api/providers')).find(({ name }) => name === 'file');
  const limpet = {
    url: `http://127.0.0.1:${port}`,
    port,
    admin: `http://127.0.0.1:${adminPort}`,
    pid: child.pid,
    folder,
    file,
    exited,
    log: () => log,
    out: () => out,
    stop,
    /** Replaces the dynamic configuration as editors do, by a rename, and waits until it is in force. */
    async reconfigure(next) {
      const before = await fileProvider();
      replaceFile(JSON.stringify(next, null, 2));
      await until('the new configuration', async () => {
        const now = await fileProvider();
        return !now.failed && now.lastSuccess !== before.lastSuccess;
      });
    },
    /** Replaces it by a text that is broken, and waits until that was noticed. */
    async breakConfiguration(text) {
      replaceFile(text);
      await until('the broken configuration to be noticed', async () => (await fileProvider()).failed);
    },
    /** The JSON of an admin address. */
    async api(path, init) {
      const response = await fetch(limpet.admin + path, init);
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
  };
  const started = until('limpet answers /ping', async () => {
    if (child.exitCode !== null) throw new Error(`limpet ended with status ${child.exitCode}:\n${log}`);
    return fetch(`${limpet.admin}/ping`).then((response) => response.ok, () => false);
  }, START_DEADLINE_MS);
  await started.catch(async (error) => {
    await stop('SIGKILL');
    throw new Error(`${error.message}\n${log}`);
  });
  return limpet;
}
