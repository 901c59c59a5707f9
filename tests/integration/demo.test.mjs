// `limpet demo` with simulated users: the number of servers follows them, nobody is cut, and nothing stays behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, limpetBinary, until } from './limpet_process.mjs';

const SERVER = fileURLToPath(new URL('scaled_server.mjs', import.meta.url));
const PATIENCE_MS = 60_000;

it('the demo shows servers that follow simulated users', async () => {
  const port = await freePort();
  const demo = spawn(limpetBinary(), ['demo', '--exec', `'${process.execPath}' '${SERVER}' {port}`, '--load', '60',
    '--port', String(port), '--max', '5'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(demo, 'exit');
  let said = '';
  demo.stdout.on('data', (chunk) => { said += chunk; });
  const line = async (what, test) => until(what, () => said.split('\n').find((each) => {
    const numbers = /servers (\d+) ready.* users (\d+) in, .* cut (\d+)/.exec(each);
    return numbers && test(...numbers.slice(1).map(Number));
  }), PATIENCE_MS);
  try {
    await line('the first server', (servers) => servers >= 1);
    await line('all users to be inside', (servers, users) => servers >= 3 && users === 60);
    const last = said.trim().split('\n').at(-1);
    assert.match(last, / cut 0 /);
    assert.match(said, new RegExp(`http://localhost:${port}/ +the service`));
  } finally {
    demo.kill('SIGINT');
  }
  assert.equal((await exited)[0], 0, said);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
});
