// The benchmark's load generator and echo server (scripts/bench --build), for tests with thousands of tunnels.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const EVENT_DEADLINE_MS = 90_000;
const STOP_DEADLINE_MS = 5_000;

/** A program of the benchmark: it prints one JSON object a line, and takes commands on its standard input. */
class Tool {
  #child;
  #lines;
  #exited;
  #errors = '';

  constructor(name, flags) {
    const program = fileURLToPath(new URL(`../../build/bench-tools/${name}`, import.meta.url));
    if (!existsSync(program)) throw new Error(`${program} is not there; build it: scripts/bench --build`);
    this.#child = spawn(program, flags, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    this.#child.stdin.on('error', () => {}); // it ended: the missing event says so
    this.#child.stderr.on('data', (chunk) => { this.#errors += chunk; });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line of this event; those of others are passed over. */
  async event(name) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no event "${name}" within ${EVENT_DEADLINE_MS} ms`)), EVENT_DEADLINE_MS);
    });
    try {
      for (;;) {
        const { value, done } = await Promise.race([this.#lines.next(), late]);
        if (done) throw new Error(`it ended before event "${name}": ${this.#errors}`);
        const found = JSON.parse(value);
        if (found.event === name) return found;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  tell(command) { this.#child.stdin.write(`${command}\n`); }

  async stop() {
    this.#child.kill();
    const lastResort = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#exited;
    clearTimeout(lastResort);
  }
}

/** An echo server on an address, "127.0.0.1:9001". */
export async function startEcho(listen) {
  const echo = new Tool('limpet-echo', ['--listen', listen]);
  await echo.event('listening');
  return echo;
}

/** So many tunnels through `port`, held until stop(); one message has gone through each and back. */
export async function holdTunnels(port, clients) {
  const load = new Tool('limpet-load', ['--target', `127.0.0.1:${port}`, '--mode', 'idle', '--clients', String(clients),
    '--open-timeout', '60']);
  const { clients: open, failures } = await load.event('held').catch(async (error) => {
    await load.stop();
    throw error;
  });
  return {
    open,
    failures,
    /** One more message through every tunnel; how many came back, and how many failures there were in all. */
    async round() {
      load.tell('round');
      const { count, failures: { total } } = await load.event('result');
      return { count, failures: total };
    },
    /** Closes them and says how many there still were. */
    async close() {
      load.tell('quit');
      const { clients: still } = await load.event('closing');
      await load.stop();
      return still;
    },
    stop: () => load.stop(),
  };
}

const kibibytes = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]);

/** Bytes of memory that a process shares with nobody. */
export function privateMemory(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return (kibibytes(text, 'Private_Clean') + kibibytes(text, 'Private_Dirty')) * 1024;
}

/** Bytes of a process that are in memory. */
export function residentMemory(pid) {
  return kibibytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Rss') * 1024;
}
