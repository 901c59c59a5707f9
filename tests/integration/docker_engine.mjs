// Starts a Docker Engine for tests, with a socket and folders of its own, in a network, mount and process namespace of its
// own: what the tests do there is seen nowhere else, and nothing of it outlives them.
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './limpet_process.mjs';

const START_DEADLINE_MS = 30_000;
const INSIDE = 'LIMPET_TEST_NAMESPACE';
const run = promisify(execFile);

/** Whether this process is in namespaces of its own, see enterNamespaces(). */
export const inNamespaces = () => process.env[INSIDE] === 'yes';

/** Why no Engine can be started here; undefined if one can. */
export function whyNoEngine() {
  if (process.getuid() !== 0) return 'an Engine needs root';
  for (const program of ['dockerd', 'docker-compose', 'unshare']) {
    if (spawnSync('which', [program]).status !== 0) return `${program} is not installed`;
  }
  const tried = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', '--mount-proc', 'ip', 'link', 'set', 'lo', 'up']);
  return tried.status === 0 ? undefined : `namespaces are not allowed: ${tried.stderr}`;
}

/** Runs the test file again in namespaces of its own, where it ends with everything it started, and exits with its status. */
export function enterNamespaces(file) {
  // The shell stays as the first process, which has to take in those whose parent is gone.
  const inner = 'mount -t tmpfs tmpfs /run && ip link set lo up && { "$@" & } && wait $!';
  const { status } = spawnSync(
    'unshare',
    ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', inner, 'sh', process.execPath, file],
    { stdio: 'inherit', env: { ...process.env, [INSIDE]: 'yes' } },
  );
  process.exit(status ?? 1);
}

/** Copies a program and the libraries it needs to where they are, below `root`. */
function copyProgram(program, target, root) {
  const place = join(root, target);
  mkdirSync(dirname(place), { recursive: true });
  cpSync(program, place);
  const needed = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+(?= \(0x)/g) ?? [];
  for (const library of needed) {
    mkdirSync(dirname(join(root, library)), { recursive: true });
    cpSync(library, join(root, library), { dereference: true });
  }
}

/**
 * Starts an Engine and waits until it answers. Only in namespaces of its own.
 * @returns the Engine: `docker(...args)` and `compose(folder, ...args)` run a command and resolve with what it prints;
 *   `image(name, program, changes)` makes an image of one program; `restart()` ends the Engine and starts it again
 */
export async function startEngine() {
  // Of the namespace too, so that mounts in it are nobody's concern.
  const folder = mkdtempSync('/run/engine-');
  const socket = '/run/docker.sock';
  const env = { PATH: process.env.PATH, HOME: folder, DOCKER_HOST: `unix://${socket}`, COMPOSE_HTTP_TIMEOUT: '120' };
  let log = '';
  let child;
  const docker = async (...args) => (await run('/usr/bin/docker', args, { env, maxBuffer: 1 << 26 })).stdout.trim();
  const start = async () => {
    child = spawn('dockerd', [
      '--host', `unix://${socket}`, '--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'),
      '--pidfile', join(folder, 'pid'), '--storage-driver', 'vfs', '--iptables=false', '--ip6tables=false',
      '--ip-forward=false', '--bridge=none', '--live-restore',
    ], { stdio: ['ignore', 'ignore', 'pipe'], env });
    child.stderr.on('data', (chunk) => { log += chunk; });
    await until('the Engine to answer', async () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended:\n${log}`);
      return docker('version').then(() => true, () => false);
    }, START_DEADLINE_MS);
  };
  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  await start();
  return {
    socket,
    endpoint: `unix://${socket}`,
    log: () => log,
    docker,
    compose: async (project, ...args) => (await run('docker-compose', args, { env, cwd: project })).stdout.trim(),
    async image(name, program, target, changes = []) {
      const root = join(folder, 'root');
      copyProgram(program, target, root);
      const tar = join(folder, 'root.tar');
      execFileSync('tar', ['-C', root, '-cf', tar, '.']);
      await docker('import', ...changes.flatMap((change) => ['--change', change]), tar, name);
      rmSync(root, { recursive: true });
    },
    /** The address of a container in its first network. */
    async address(container) {
      const [{ NetworkSettings }] = JSON.parse(await docker('inspect', container));
      return Object.values(NetworkSettings.Networks)[0].IPAddress;
    },
    stop: (signal = 'SIGTERM') => end(signal),
    start,
    async close() {
      await docker('ps', '-aq').then((ids) => ids && docker('rm', '-f', ...ids.split('\n')), () => {});
      await end('SIGTERM');
    },
  };
}

/** The FNV-1a-64 of a text, as users compute it by hand. */
export function fnv1a(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16);
}
