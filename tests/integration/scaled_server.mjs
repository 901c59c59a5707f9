// A server for Limpet's process driver: a named server on the port given, called as Limpet calls it. With `fork` it has a
// child of its own, and that one a child, which is in another session; their pids go to standard output.
import { spawn } from 'node:child_process';
import { startNamed } from './named_server.mjs';

const [port, ...options] = process.argv.slice(2);
if (options.includes('fork')) {
  const child = spawn('sh', ['-c', 'setsid sleep 1000 & echo "$! $$"; wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (pids) => process.stdout.write(`pids ${process.pid} ${pids}`));
}
await startNamed(`${process.env.LIMPET_SERVER} ${process.env.GREETING ?? ''}`.trim(), { port: Number(port) });
if (options.includes('stubborn')) {
  process.on('SIGTERM', () => {});
} else {
  process.on('SIGTERM', () => process.exit(0));
}
