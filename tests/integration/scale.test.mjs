// A large configuration: it loads, routes rightly, takes changes, and costs a request no more time than a small one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startLimpet, until } from './limpet_process.mjs';
import { RawClient, RawServer, answer, ask, get } from './wire.mjs';

const ROUTERS = 1000;
const SERVERS_EACH = 5;
// A table that is searched line by line would cost a hundred times as much; times of a shared machine say no more than this.
const FACTOR = 4;

/** FNV-1a-64 as users compute it by hand. */
function fnv1a(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, '0');
}

/** The address of a server of a service: all are the same listener, on a loopback address of each one's own. */
const urlOf = (port, service, server) =>
  `http://127.${1 + Math.floor(service / 250)}.${service % 250}.${server + 1}:${port}`;

/** `routers` routers of different kinds, each with a service of five servers. */
function configuration(port, routers) {
  const http = { routers: {}, services: {} };
  for (let i = 0; i < routers; ++i) {
    const host = `Host(\`site-${i}.example\`)`;
    const rule = [host, `${host} && PathPrefix(\`/app\`)`, `${host} && (Method(\`GET\`) || Method(\`POST\`))`,
      `${host} && !Header(\`X-Off\`, \`yes\`)`, `${host} || Host(\`alias-${i}.example\`)`][i % 5];
    http.routers[`router-${i}`] = { rule, service: `service-${i}` };
    http.services[`service-${i}`] = {
      loadBalancer: {
        servers: Array.from({ length: SERVERS_EACH }, (_, server) => ({ url: urlOf(port, i, server) })),
        sticky: { cookie: { name: 'ws-session' } },
      },
    };
  }
  return { http };
}

/** The processor time a process has used, in seconds. */
function cpuTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** How many routers of files there are. */
const fileRouters = async (limpet) =>
  Object.keys((await limpet.api('/api/rawdata')).routers).filter((name) => name.endsWith('@file')).length;

/** Runs `work` for every item, some at a time. */
async function forAll(items, work) {
  const queue = [...items];
  await Promise.all(Array.from({ length: 20 }, async () => {
    for (let item; (item = queue.shift()) !== undefined;) await work(item);
  }));
}
const every = (step) => Array.from({ length: Math.ceil(ROUTERS / step) }, (_, i) => i * step);

describe(`${ROUTERS} routers and ${ROUTERS * SERVERS_EACH} servers`, { timeout: 300_000 }, () => {
  let server;
  let large;
  let small;
  before(async () => {
    server = await RawServer.start((request, { socket }) => answer(`${request.get('host')} ${socket.localAddress}`),
      { host: '0.0.0.0' });
    small = await startLimpet(configuration(server.port, 10), { flags: ['--dataPath.threads=1'] });
    large = await startLimpet(configuration(server.port, ROUTERS), { flags: ['--dataPath.threads=1'] });
  });
  after(async () => {
    await Promise.all([small, large].map((limpet) => limpet?.stop()));
    await server?.stop();
  });

  it('load, every one without a problem', async () => {
    const overview = await large.api('/api/overview');
    assert.equal(await fileRouters(large), ROUTERS);
    assert.equal(overview.http.routers.errors, 0);
    assert.equal(overview.http.services.errors, 0);
    assert.equal((await large.api('/api/servers')).length, ROUTERS * SERVERS_EACH);
  });

  it('route rightly', async () => {
    await forAll(every(7), async (i) => {
      const path = i % 5 === 1 ? '/app/x' : '/x';
      const { body } = await ask(large.port, get(path, '', `site-${i}.example`));
      const [host, address] = body.split(' ');
      assert.equal(host, `site-${i}.example`);
      const urls = Array.from({ length: SERVERS_EACH }, (_, n) => urlOf(server.port, i, n));
      assert.ok(urls.includes(`http://${address}:${server.port}`), `${address} is not of service ${i}`);
    });
    for (const [host, fields] of [['site-1001.example', ''], ['site-1.example', ''], ['alias-3.example', ''],
      ['site-3.example', 'X-Off: yes\r\n']]) {
      assert.equal((await ask(large.port, get('/x', fields, host))).status, 404, host);
    }
    assert.match((await ask(large.port, get('/x', '', 'alias-4.example'))).body, /^alias-4/);
  });

  it('keep users with the server that a hand-computed cookie names', async () => {
    await forAll(every(13), async (i) => {
      const url = urlOf(server.port, i, i % SERVERS_EACH);
      const { body } = await ask(large.port, get('/app', `Cookie: ws-session=${fnv1a(url)}\r\n`, `site-${i}.example`));
      assert.equal(`http://${body.split(' ')[1]}:${server.port}`, url);
    });
  });

  it('take a change while requests run, none of which is lost', async () => {
    const client = await RawClient.connect(large.port);
    let done = false;
    let asked = 0;
    const asking = (async () => {
      while (!done) {
        const host = `site-${(asked * 5) % 900}.example`;
        assert.equal((await client.write(get('/app', '', host)).readResponse()).status, 200);
        ++asked;
      }
    })();
    for (const count of [ROUTERS - 1, ROUTERS]) {
      await large.reconfigure(configuration(server.port, count));
      await until('the number of routers', async () => await fileRouters(large) === count);
    }
    done = true;
    await asking;
    assert.ok(asked > 10);
    client.close();
  });

  /** The processor time of a request, of `count` pipelined ones over the hosts of ten routers. */
  async function timePerRequest(limpet, first, count) {
    const client = await RawClient.connect(limpet.port);
    const hosts = Array.from({ length: 10 }, (_, i) => `site-${first + i}.example`);
    const batch = hosts.map((host, i) => get('/app/page?x=1',
      `Cookie: ws-session=${fnv1a(urlOf(server.port, first + i, 0))}\r\n`, host)).join('');
    const begun = cpuTime(limpet.pid);
    for (let i = 0; i < count / hosts.length; ++i) {
      client.write(batch);
      for (const _ of hosts) assert.equal((await client.readResponse()).status, 200);
    }
    client.close();
    return (cpuTime(limpet.pid) - begun) / count;
  }

  it('cost a request no more time than ten', async (t) => {
    const rounds = 7;
    const count = 4000;
    let ratio = Infinity;
    for (let attempt = 0; attempt < 3 && ratio >= FACTOR; ++attempt) {
      const times = { small: [], large: [] };
      for (let round = 0; round < rounds; ++round) {
        times.small.push(await timePerRequest(small, 0, count));
        times.large.push(await timePerRequest(large, 490 + round * 10, count));
      }
      ratio = median(times.large) / median(times.small);
      t.diagnostic(`${(median(times.small) * 1e6).toFixed(1)} and ${(median(times.large) * 1e6).toFixed(1)} µs, factor ${ratio.toFixed(2)}`);
    }
    assert.ok(ratio < FACTOR, `${ratio.toFixed(2)} times as much`);
  });
});
