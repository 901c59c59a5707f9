// A start: what it costs in memory, and how long it takes. The time is told, not judged.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { oneService, startLimpet } from './limpet_process.mjs';
import { residentMemory } from './load_tool.mjs';
import { RawServer, answer, ask, get } from './wire.mjs';

const MOST_AT_REST = 15 * 1024 * 1024;

describe('a start', { timeout: 60_000 }, () => {
  let server;
  before(async () => {
    server = await RawServer.start(() => answer('ok'), { host: '0.0.0.0' });
  });
  after(async () => { await server?.stop(); });

  for (const servers of [1, 1000]) {
    it(`with ${servers} servers in a file takes less than 15 MiB`, async (t) => {
      const urls = Array.from({ length: servers },
        (_, i) => `http://127.1.${Math.floor(i / 250)}.${(i % 250) + 1}:${server.port}`);
      const begun = performance.now();
      const limpet = await startLimpet(oneService(urls), { flags: ['--dataPath.threads=1'] });
      try {
        assert.equal((await ask(limpet.port, get('/'))).body, 'ok');
        const resident = residentMemory(limpet.pid);
        t.diagnostic(`${(performance.now() - begun).toFixed(0)} ms to the first answer, ${(resident / 1e6).toFixed(1)} MB resident`);
        assert.ok(resident < MOST_AT_REST, `${resident} bytes`);
      } finally {
        await limpet.stop();
      }
    });
  }
});
