// A server and a client that everyone has: nginx behind Limpet, curl in front.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { oneService, startLimpet } from './limpet_process.mjs';
import { nginxBinary, startNginx } from './nginx_server.mjs';
import { RawClient, get } from './wire.mjs';

const run = promisify(execFile);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const LOCATIONS = `
  location / { return 200 "path $request_uri\\nhost $http_host\\nfrom $http_x_forwarded_for\\n"; }
  location /files/ { root {folder}; }
  location /gzip/ { alias {folder}/files/; gzip on; gzip_min_length 1; gzip_types text/plain; }
  location /moved { return 301 /files/text.txt; }
  location /empty { return 204; }
  location /gone { return 410 "gone\\n"; }
  location /put/ {
    alias {folder}/files/;
    dav_methods PUT DELETE;
    client_body_temp_path {folder}/client_body;
  }
  location /small/ { client_max_body_size 10; alias {folder}/files/; dav_methods PUT; }
  location /close { keepalive_timeout 0; return 200 "closed\\n"; }
`;

describe('nginx and curl', { timeout: 120_000, skip: !nginxBinary && 'nginx is not installed' }, () => {
  const blob = randomBytes(5 * 1024 * 1024 + 17);
  const text = 'line of text\n'.repeat(5000);
  let folder;
  let nginx;
  let limpet;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'limpet-curl-'));
    writeFileSync(join(folder, 'blob'), blob);
    nginx = await startNginx(LOCATIONS, { blob, 'text.txt': text });
    limpet = await startLimpet(oneService([nginx.url], { sticky: undefined }));
  });
  after(async () => {
    await limpet?.stop();
    await nginx?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** Runs curl; gives the status, the head and the body. */
  async function curl(path, ...flags) {
    const args = ['--silent', '--show-error', '--max-time', '30', '--dump-header', join(folder, 'head'), '--output',
      join(folder, 'body'), '--write-out', '%{http_code} %{num_connects} %{http_version}', ...flags, `${limpet.url}${path}`];
    const { stdout } = await run('curl', args, { env: { PATH: process.env.PATH } });
    const [status, connects, version] = stdout.trim().split(' ');
    let body = Buffer.alloc(0);
    try { body = readFileSync(join(folder, 'body')); } catch { /* none */ }
    rmSync(join(folder, 'body'), { force: true });
    return { status: Number(status), connects: Number(connects), version, head: readFileSync(join(folder, 'head'), 'latin1'), body };
  }

  for (const version of ['--http1.1', '--http1.0', '--http1.1-close']) {
    const flags = version === '--http1.1-close' ? ['--http1.1', '--header', 'Connection: close'] : [version];

    it(`download a file with ${flags.join(' ')}`, async () => {
      const { status, body, head } = await curl('/files/blob', ...flags);
      assert.equal(status, 200);
      assert.equal(sha256(body), sha256(blob));
      assert.match(head, new RegExp(`content-length: ${blob.length}`, 'i'));
    });

    it(`download a compressed answer, chunked by nginx, with ${flags.join(' ')}`, async () => {
      const { status, body } = await curl('/gzip/text.txt', ...flags, '--compressed');
      assert.equal(status, 200);
      assert.equal(body.toString(), text);
    });

    it(`upload with ${flags.join(' ')}`, async () => {
      for (const more of [[], ['--header', 'Expect: 100-continue'], ['--header', 'Expect:'],
        ...(version === '--http1.0' ? [] : [['--header', 'Transfer-Encoding: chunked']])]) {
        const name = `up-${Math.random().toString(36).slice(2)}`;
        const { status } = await curl(`/put/${name}`, ...flags, ...more, '--upload-file', join(folder, 'blob'));
        assert.equal(status, 201, more.join(' '));
        assert.equal(sha256(readFileSync(join(nginx.folder, 'files', name))), sha256(blob), more.join(' '));
        assert.equal((await curl(`/put/${name}`, ...flags, '--request', 'DELETE')).status, 204);
      }
    });
  }

  it('tell nginx who asks', async () => {
    const { body } = await curl('/where?a=b', '--header', 'Host: chat.example', '--header', 'X-Forwarded-For: 1.2.3.4');
    assert.equal(body.toString(), 'path /where?a=b\nhost chat.example\nfrom 127.0.0.1\n');
  });

  it('serve a client of old that names no host', async () => {
    const client = await RawClient.connect(limpet.port);
    client.write('GET /old HTTP/1.0\r\n\r\n');
    assert.match(await client.rest(), new RegExp(`^HTTP/1.1 200 .*host 127\\.0\\.0\\.1:${nginx.port}\n`, 's'));
  });

  it('agree on HEAD, ranges, conditions, redirects and statuses', async () => {
    const { status, head, body } = await curl('/files/text.txt', '--head');
    assert.equal(status, 200);
    assert.match(head, new RegExp(`content-length: ${text.length}`, 'i'));
    assert.equal(body.length === 0 || body.toString() === head, true);
    const part = await curl('/files/text.txt', '--range', '5-9');
    assert.equal(part.status, 206);
    assert.equal(part.body.toString(), text.slice(5, 10));
    const etag = /etag: (\S+)/i.exec(head)[1];
    assert.equal((await curl('/files/text.txt', '--header', `If-None-Match: ${etag}`)).status, 304);
    const moved = await curl('/moved', '--location');
    assert.equal(moved.body.toString(), text);
    assert.equal((await curl('/empty')).status, 204);
    const gone = await curl('/gone');
    assert.deepEqual([gone.status, gone.body.toString()], [410, 'gone\n']);
    assert.equal((await curl('/files/none')).status, 404);
  });

  it('let nginx refuse an upload that is too large, before and after it began', async () => {
    for (const more of [['--header', 'Expect: 100-continue'], ['--header', 'Expect:']]) {
      const { status } = await curl('/small/big', '--upload-file', join(folder, 'blob'), ...more);
      assert.equal(status, 413);
    }
  });

  it('keep one connection for several requests', async () => {
    const urls = ['/a', '/b', '/close', '/c'].map((path) => `${limpet.url}${path}`);
    const { stdout } = await run('curl', ['--silent', '--write-out', '%{num_connects}\n', ...urls]);
    assert.deepEqual(stdout.match(/^\d$/gm), ['1', '0', '0', '0']);
  });

  it('survive a client that goes away in the middle of a download', async () => {
    for (let i = 0; i < 20; ++i) {
      const client = await RawClient.connect(limpet.port);
      client.write(get('/files/blob'));
      await client.reader.bytes(1000);
      if (i % 2) client.close(); else client.reset();
    }
    assert.equal(sha256((await curl('/files/blob')).body), sha256(blob));
  });
});
