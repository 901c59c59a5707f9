// Debian's nginx as a back-end, with a configuration and a folder of its own, stopped by its process id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from './limpet_process.mjs';

const STOP_DEADLINE_MS = 10_000;

export const nginxBinary = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync);

/**
 * Starts nginx and waits until it answers.
 * @param {string} locations what stands in its server block; {folder} is its folder, which has files/
 * @param {Record<string, string | Buffer>} files
 */
export async function startNginx(locations, files = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'limpet-nginx-'));
  const port = await freePort();
  mkdirSync(join(folder, 'files'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'files', name), content);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n');
  writeFileSync(join(folder, 'nginx.conf'), `
daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary}
  client_max_body_size 100m;
  server {
    listen 127.0.0.1:${port};
    ${locations.replaceAll('{folder}', folder)}
  }
}
`);
  const child = spawn(nginxBinary, ['-e', `${folder}/error.log`, '-p', folder, '-c', join(folder, 'nginx.conf')],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => { log += chunk; });
  const exited = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(lastResort);
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  await until('nginx answers', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended with status ${child.exitCode}:\n${log}`);
    return fetch(url).then(() => true, () => false);
  }).catch(async (error) => {
    await stop();
    throw error;
  });
  return { url, port, folder, stop };
}
