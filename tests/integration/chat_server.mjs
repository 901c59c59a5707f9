// Starts the example chat servers for tests, each on a free port, and stops them by their process id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 10_000;

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Where limpet-chat is: $LIMPET_CHAT, or the first build that has one. */
export function chatBinary() {
  const candidates = [
    process.env.LIMPET_CHAT,
    fromHere('../../build/release/limpet-chat'),
    fromHere('../../build/limpet-chat'),
  ].filter(Boolean);
  const found = candidates.find(existsSync);
  if (!found) throw new Error(`limpet-chat is not built; looked at ${candidates.join(', ')}`);
  return found;
}

/** The servers that implement the chat, each as the command that starts it. */
export const CHAT_SERVERS = {
  'limpet-chat': () => [chatBinary()],
  'express-chat': () => [process.execPath, fromHere('../../examples/express-chat/server.mjs')],
};

/**
 * Starts a chat server and waits until it listens.
 * @param {keyof CHAT_SERVERS} kind
 * @param {string[]} flags more flags
 * @returns {Promise<{url: string, pid: number, stop: (signal?: string) => Promise<number>}>} stop() resolves with
 *   the exit status, -1 if a signal ended the process
 */
export async function startChat(kind, flags = []) {
  const [command, ...rest] = CHAT_SERVERS[kind]();
  const child = spawn(command, [...rest, '--port', '0', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(([code]) => code ?? -1);
  const lines = createInterface({ input: child.stdout });
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  const line = await Promise.race([
    once(lines, 'line', { signal: deadline }).then(([first]) => first),
    exited.then((code) => Promise.reject(new Error(`${kind} ended with status ${code} before it listened`))),
  ]).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
  if (!url) {
    child.kill('SIGKILL');
    throw new Error(`${kind} said '${line}' where 'listening on URL' should be`);
  }
  const stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    const code = await exited;
    clearTimeout(lastResort);
    return code;
  };
  return { url, pid: child.pid, stop };
}
