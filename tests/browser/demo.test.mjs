// The demo as a stranger runs it: scripts/demo, then its page in two windows of Chromium (the suite of
// chat_page.test.mjs), moving between the servers by their cookies.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../integration/limpet_process.mjs';

const BUILD_AND_START_MS = 600_000;

const demo = spawn(fileURLToPath(new URL('../../scripts/demo', import.meta.url)), {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, PORT: '8400' },
});
const exited = once(demo, 'exit');
let said = '';
demo.stdout.on('data', (chunk) => { said += chunk; });

await until('the demo to say that it runs', () => {
  if (demo.exitCode !== null) throw new Error(`scripts/demo ended with status ${demo.exitCode}:\n${said}`);
  return said.includes('Ctrl-C stops everything');
}, BUILD_AND_START_MS);

process.env.CHAT_URL = /(http:\/\/localhost:\d+\/) +the chat/.exec(said)[1];
process.env.CHAT_SERVERS = [...said.matchAll(/# [\w-]+, (http:\/\/\S+)/g)].map(([, url]) => url).join(',');
process.env.CHAT_LIST = 'yes';
assert.equal(process.env.CHAT_SERVERS.split(',').length, 3, said);

after(async () => {
  demo.kill('SIGTERM');
  await exited;
  await assert.rejects(fetch(process.env.CHAT_URL), 'the demo left Limpet running');
});

await import('./chat_page.test.mjs');
