// `limpet demo`: the number of servers follows simulated users, one is drained and one is killed, Limpet cuts nobody, and
// nothing stays behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, limpetBinary, until } from './limpet_process.mjs';

const SERVER = fileURLToPath(new URL('scaled_server.mjs', import.meta.url));
const PATIENCE_MS = 60_000;

let demo;
let said = '';
async function start(...flags) {
  const port = await freePort();
  said = '';
  demo = spawn(limpetBinary(), ['demo', '--port', String(port), ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  demo.exited = once(demo, 'exit');
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => { said += chunk; });
  return port;
}
afterEach(async () => {
  demo.kill('SIGKILL');
  await demo.exited;
});
const says = async (pattern) => until(`the demo to say ${pattern}`, () => {
  if (demo.exitCode !== null) throw new Error(`it ended with status ${demo.exitCode}:\n${said}`);
  return pattern.exec(said);
}, PATIENCE_MS).catch((error) => { throw new Error(`${error.message}; it said:\n${said}`); });

it('the demo shows servers that follow simulated users', async () => {
  const port = await start('--exec', `'${process.execPath}' '${SERVER}' {port}`, '--load', '60', '--pace', '6', '--max', '5');
  await says(new RegExp(`http://localhost:${port}/ +the service`));
  await says(/flash crowd: to 60 users within 2 s/);
  await says(/chat-3 is ready at http/);
  const [, drained] = await says(/(chat-\d) drains: no new users, its [1-9]\d* users stay/);
  const [, killed, onIt] = await says(/(chat-\d) is killed, with (\d+) users? on it/);
  assert.notEqual(drained, killed);
  await says(new RegExp(`${killed} is lost: .*killed by SIGKILL`));
  const [, lost, cut] = await says(/cut by the killed server: (\d+), all back in [\d.]+ s; cut by Limpet: (\d+)/);
  assert.ok(Number(lost) > 0 && Number(lost) <= 20, `${lost} of ${onIt}`);
  assert.equal(cut, '0');
  await says(/leaving: to 6 users/);
  demo.kill('SIGINT');
  assert.equal((await demo.exited)[0], 0, said);
  assert.match(said, new RegExp(`visits, cut by Limpet: 0, by killed servers: ${lost}, all back in`));
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
});

it('the demo without users says where to look, and what people do', async () => {
  const port = await start('--min', '2');
  const [, cookie, name] = await says(/curl -H 'Cookie: ws-session=(\w+)' \S+ +# (chat-\d), http/);
  const answer = await fetch(`http://127.0.0.1:${port}/hostname`, { headers: { cookie: `ws-session=${cookie}` } });
  assert.equal((await answer.json()).hostname, name);
  assert.equal((await (await fetch(`http://127.0.0.1:${port}/api/servers`)).json()).length, 2);
  const [, admin] = await says(/(http:\S+) +the dashboard/);
  assert.equal((await fetch(`${admin}api/scaling/chat?min=3`, { method: 'POST' })).status, 200);
  await says(/chat-3 starts: want 3/);
  await says(/chat-3 is ready at http\S+, cookie ws-session=\w+/);
  demo.kill('SIGTERM');
  assert.equal((await demo.exited)[0], 0, said);
});

it('the demo says why a server does not start', async () => {
  await start('--exec', "sh -c 'echo no luck; exit 4'");
  await says(/chat-1 ended: exit status 4, its last line: no luck/);
});
