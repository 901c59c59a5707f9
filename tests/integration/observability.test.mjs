// What operators see: the access log in its formats, metrics under Traefik's names and Limpet's own, and who may read them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort, oneService, startLimpet, until } from './limpet_process.mjs';
import { openTunnel, startNamed, stopAll, untilFree, visit } from './named_server.mjs';
import { RawClient, ask, get } from './wire.mjs';

// "guest" with password "secret", as `htpasswd -s` writes it.
const USER = 'guest:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=';
const AUTHORIZATION = { Authorization: `Basic ${Buffer.from('guest:secret').toString('base64')}` };

/** One service with a router for everything, and one behind basicAuth. */
function withLogin(url) {
  const dynamic = oneService([url]);
  dynamic.http.middlewares = { login: { basicAuth: { users: [USER] } } };
  dynamic.http.routers.inner = { rule: 'PathPrefix(`/inner`)', service: 'app', middlewares: ['login'] };
  return dynamic;
}

describe('the access log', { timeout: 60_000 }, () => {
  let server;
  let limpet;
  before(async () => { server = await startNamed('a'); });
  after(() => stopAll(server));

  const inFormat = (format) => {
    before(async () => {
      limpet = await startLimpet(withLogin(server.url), {
        flags: ['--accessLog.filePath={folder}/access.log', `--accessLog.format=${format}`,
          '--entryPoints.web.forwardedHeaders.trustedIPs=127.0.0.3'],
      });
    });
    after(async () => assert.equal(await limpet?.stop(), 0));
  };
  const lines = () => readFileSync(join(limpet.folder, 'access.log'), 'utf8').split('\n').slice(0, -1);
  const lineWith = (text) => until(`the line with ${text}`, () => lines().find((line) => line.includes(text)));

  describe('as common', () => {
    inFormat('common');
    const pattern = (request, status, more) => new RegExp(
      `^127\\.0\\.0\\.1 - (\\S+) \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\] "${request}" ${status} \\d+ ${more}$`);

    it('has a line for every request', async () => {
      const response = await visit(limpet.port, '/first?x=1', { Referer: 'http://here/', 'User-Agent': 'test "one"' });
      const line = await lineWith('/first');
      assert.match(line, pattern('GET /first\\?x=1 HTTP/1\\.1', 200,
        `"http://here/" "test \\\\"one\\\\"" \\d+ "all@file" "${server.url}" \\d+ms`));
      assert.ok(line.includes(` 200 ${Buffer.byteLength(response.body)} `), line);
    });

    it('names the user, and not one whose password is wrong', async () => {
      assert.equal((await visit(limpet.port, '/inner/right', AUTHORIZATION)).status, 200);
      assert.match(await lineWith('/inner/right'), /^127\.0\.0\.1 - guest \[.* "inner@file" /);
      const wrong = { Authorization: `Basic ${Buffer.from('guest:wrong').toString('base64')}` };
      assert.equal((await visit(limpet.port, '/inner/wrong', wrong)).status, 401);
      assert.match(await lineWith('/inner/wrong'), /^127\.0\.0\.1 - - \[.* 401 /);
    });

    it('keeps what a client sends within its line', async () => {
      await visit(limpet.port, '/odd', { 'User-Agent': '\x80\xff\t" 200 1 "-' });
      const line = await lineWith('/odd');
      assert.match(line, /^[\x20-\x7e]*$/);
      assert.match(line, /\\" 200 1 \\"-" \d+ "all@file"/);
    });

    it('has requests that were refused before they were read', async () => {
      await ask(limpet.port, 'GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
      assert.match(await lineWith(' 400 '), /^127\.0\.0\.1 - - \[/);
    });
  });

  describe('as JSON', () => {
    inFormat('json');
    const parsedWith = async (text) => JSON.parse(await lineWith(text));

    it('has Traefik\'s keys', async () => {
      const client = await RawClient.connect(limpet.port);
      const clientPort = String(client.socket.localPort);
      await client.write('POST /json?y=2 HTTP/1.1\r\nHost: Chat.example:8080\r\nContent-Length: 5\r\n\r\nhello').readResponse();
      client.close();
      const line = await parsedWith('/json');
      const body = line.DownstreamContentSize;
      assert.ok(body > 0);
      for (const [key, value] of Object.entries({
        ClientAddr: `127.0.0.1:${clientPort}`, ClientHost: '127.0.0.1', ClientPort: clientPort, ClientUsername: '-',
        DownstreamStatus: 200, OriginStatus: 200, OriginContentSize: body, RequestAddr: 'Chat.example:8080',
        RequestHost: 'Chat.example', RequestPort: '8080', RequestMethod: 'POST', RequestPath: '/json?y=2',
        RequestProtocol: 'HTTP/1.1', RequestScheme: 'http', RequestContentSize: 5, RetryAttempts: 0,
        RouterName: 'all@file', ServiceName: 'app@file', ServiceURL: server.url,
        ServiceAddr: server.url.replace('http://', ''), entryPointName: 'web',
      })) assert.deepEqual([key, line[key]], [key, value]);
      assert.ok(Number.isInteger(line.Duration) && line.Duration > 0);
      assert.equal(line.Overhead, line.Duration - line.OriginDuration);
      assert.ok(Math.abs(Date.parse(line.StartUTC) - Date.now()) < 60_000);
      assert.equal(Date.parse(line.StartLocal), Date.parse(line.StartUTC));
      assert.equal('TunnelMessagesToServer' in line, false);
    });

    it('says what came of a request that no server saw', async () => {
      await visit(limpet.port, '/inner/none');
      const line = await parsedWith('/inner/none');
      assert.equal(line.DownstreamStatus, 401);
      assert.equal('OriginStatus' in line, false);
    });

    it('names who is behind a trusted proxy, and believes no one else', async () => {
      const from = (localAddress) => ({ port: limpet.port, host: '127.0.0.1', localAddress });
      await visit(from('127.0.0.3'), '/behind/trusted', { 'X-Forwarded-For': '192.0.2.7' });
      assert.equal((await parsedWith('/behind/trusted')).ClientHost, '192.0.2.7');
      await visit(from('127.0.0.1'), '/behind/other', { 'X-Forwarded-For': '192.0.2.7' });
      assert.equal((await parsedWith('/behind/other')).ClientHost, '127.0.0.1');
    });

    it('counts requests', async () => {
      await visit(limpet.port, '/count/1');
      await visit(limpet.port, '/count/2');
      await lineWith('/count/2');
      const counts = lines().map((line) => JSON.parse(line).RequestCount);
      assert.equal(new Set(counts).size, counts.length);
    });

    it('has a line for a tunnel when it ends, with what it carried and why it ended', async () => {
      const { socket } = await openTunnel(`${limpet.url}/tunnel`, { 'user-agent': 'tunneller' });
      for (let i = 0; i < 3; ++i) {
        const echo = once(socket, 'message');
        socket.send('twelve bytes');
        await echo;
      }
      await visit(limpet.port, '/meanwhile');
      await lineWith('/meanwhile');
      assert.ok(!lines().some((line) => line.includes('/tunnel')), 'not before its end');
      socket.close(1000);
      await once(socket, 'close');
      const line = await parsedWith('/tunnel');
      for (const [key, value] of Object.entries({
        DownstreamStatus: 101, OriginStatus: 101, RequestMethod: 'GET', RouterName: 'all@file', ServiceURL: server.url,
        TunnelMessagesToServer: 3, TunnelMessagesToClient: 4,
      })) assert.deepEqual([key, line[key]], [key, value]);
      // Three masked messages and a Close; the name, three messages and a Close.
      assert.equal(line.RequestContentSize, 3 * (6 + 12) + 8);
      assert.equal(line.DownstreamContentSize, 3 + 3 * (2 + 12) + 4);
      assert.equal(typeof line.CloseReason, 'string');
      assert.notEqual(line.CloseReason, '');
    });
  });
});

describe('metrics', { timeout: 60_000 }, () => {
  const token = 'open sesame';
  let server;
  let limpet;
  let metricsPort;
  before(async () => {
    server = await startNamed('a');
    metricsPort = await freePort();
    limpet = await startLimpet(oneService([server.url], { capacity: 50 }), {
      flags: ['--metrics.prometheus=true', '--metrics.prometheus.addRoutersLabels=true',
        '--metrics.prometheus.entryPoint=metrics', `--entryPoints.metrics.address=127.0.0.1:${metricsPort}`],
    });
  });
  after(async () => {
    assert.equal(await limpet?.stop(), 0);
    await stopAll(server);
  });

  /** All series, by name and labels in the order of their names: NAME{a="…",b="…"}. */
  const scrape = async () => {
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const series = new Map();
    const types = new Map();
    for (const line of text.split('\n').filter(Boolean)) {
      if (line.startsWith('#')) {
        const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
        if (kind === 'TYPE') types.set(name, rest);
        continue;
      }
      const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
      const sorted = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([all]) => all).sort().join();
      const key = sorted ? `${name}{${sorted}}` : name;
      assert.ok(!series.has(key), `${key} is there twice`);
      assert.ok(types.has(name) || types.has(name.replace(/_(bucket|sum|count)$/, '')), `${name} has no type`);
      series.set(key, Number(value));
    }
    return series;
  };
  const ofServer = (name, more = '') => `${name}{${more}service="app@file",url="${server.url}"}`;
  const ofService = (name, code, method = 'GET', protocol = 'http') =>
    `${name}{code="${code}",method="${method}",protocol="${protocol}",service="app@file"}`;

  it('count requests under Traefik\'s names', async () => {
    const before = await scrape();
    for (let i = 0; i < 7; ++i) await visit(limpet.port);
    await ask(limpet.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    const now = await scrape();
    const grown = (key) => (now.get(key) ?? assert.fail(`no ${key} in ${[...now.keys()].join('\n')}`)) - (before.get(key) ?? 0);
    assert.equal(grown(ofService('traefik_service_requests_total', 200)), 7);
    assert.equal(grown(ofService('traefik_service_requests_total', 200, 'POST')), 1);
    assert.equal(grown(ofService('traefik_service_requests_bytes_total', 200, 'POST')), 5);
    assert.equal(grown('traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http"}'), 7);
    assert.equal(grown('traefik_router_requests_total{code="200",method="GET",protocol="http",router="all@file",service="app@file"}'), 7);
    assert.equal(grown(ofService('traefik_service_request_duration_seconds_count', 200)), 7);
    const bucket = (le) => grown('traefik_service_request_duration_seconds_bucket'
      + `{code="200",le="${le}",method="GET",protocol="http",service="app@file"}`);
    assert.equal(bucket('+Inf'), 7);
    assert.ok(bucket('0.1') <= bucket('5'));
    assert.equal(now.get(ofServer('traefik_service_server_up')), 1);
    assert.equal(grown(ofServer('limpet_server_requests_total')), 8);
  });

  it('count connections, messages and bytes of tunnels by server', async () => {
    await untilFree(limpet);
    const before = await scrape();
    const tunnels = await Promise.all(Array.from({ length: 5 }, () => openTunnel(limpet.url)));
    for (const { socket } of tunnels) {
      const echo = once(socket, 'message');
      socket.send('x'.repeat(100));
      await echo;
    }
    const during = await scrape();
    assert.equal(during.get(ofServer('limpet_server_connections')), 5);
    assert.equal(during.get(ofServer('limpet_server_tunnels')), 5);
    assert.equal(during.get(ofServer('limpet_server_capacity')), 50);
    assert.equal(during.get(ofServer('limpet_server_draining')), 0);
    const grown = (key) => during.get(key) - before.get(key);
    assert.equal(grown(ofServer('limpet_server_tunnels_total')), 5);
    assert.equal(grown(ofServer('limpet_server_messages_total', 'direction="to_server",')), 5);
    assert.equal(grown(ofServer('limpet_server_messages_total', 'direction="to_client",')), 10);
    assert.equal(grown(ofServer('limpet_server_bytes_total', 'direction="to_server",')), 5 * 106);
    assert.equal(grown(ofServer('limpet_server_bytes_total', 'direction="to_client",')), 5 * (3 + 102));
    assert.ok(during.get('traefik_open_connections{entrypoint="web",protocol="TCP"}') >= 5);
    for (const { socket } of tunnels) socket.terminate();
    await until('the tunnels to be gone', async () => (await scrape()).get(ofServer('limpet_server_tunnels')) === 0);
    await until('the tunnels to be counted as requests', async () =>
      (await scrape()).get(ofService('traefik_service_requests_total', 101, 'GET', 'websocket')) === 5);
  });

  it('tell draining, failures and broken configurations', async () => {
    const [{ id }] = await limpet.api('/api/servers');
    await limpet.api(`/api/servers/${id}/drain`, { method: 'POST' });
    assert.equal((await scrape()).get(ofServer('limpet_server_draining')), 1);
    await limpet.api(`/api/servers/${id}/undrain`, { method: 'POST' });

    const before = await scrape();
    await limpet.breakConfiguration('http: [');
    const broken = await scrape();
    assert.equal(broken.get('limpet_provider_failed{provider="file"}'), 1);
    assert.equal(broken.get('limpet_config_reload_failures_total'), before.get('limpet_config_reload_failures_total') + 1);
    assert.equal(broken.get('traefik_config_reloads_total'), before.get('traefik_config_reloads_total'));
    const dead = `http://127.0.0.1:${await freePort()}`;
    await limpet.reconfigure(oneService([dead]));
    assert.equal((await visit(limpet.port)).status, 502);
    const now = await scrape();
    assert.equal(now.get('limpet_provider_failed{provider="file"}'), 0);
    assert.equal(now.get('traefik_config_reloads_total'), before.get('traefik_config_reloads_total') + 1);
    assert.equal(now.get(`limpet_server_failures_total{service="app@file",url="${dead}"}`), 1);
    assert.equal(now.has(ofServer('limpet_server_connections')), false, 'servers that are gone have no series');
  });

  it('are for those who have the token, as all of the API', async () => {
    const closed = await startLimpet(oneService([server.url]), { flags: [`--api.token=${token}`, '--metrics.prometheus=true'] });
    try {
      for (const path of ['/metrics', '/api/rawdata', '/api/servers', '/api/overview']) {
        const none = await fetch(closed.admin + path);
        assert.equal(none.status, 401, path);
        assert.match(none.headers.get('www-authenticate'), /^Bearer/);
        for (const wrong of ['Bearer open', `Bearer ${token}x`, `Basic ${token}`, token, 'Bearer ']) {
          assert.equal((await fetch(closed.admin + path, { headers: { authorization: wrong } })).status, 401, wrong);
        }
        assert.equal((await fetch(closed.admin + path, { headers: { authorization: `Bearer ${token}` } })).status, 200, path);
      }
      const drain = await fetch(`${closed.admin}/api/servers/0/drain`, { method: 'POST' });
      assert.equal(drain.status, 401);
      assert.equal((await fetch(`${closed.admin}/ping`)).status, 200);
      assert.doesNotMatch(closed.log() + JSON.stringify(await (await fetch(`${closed.admin}/api/rawdata`, {
        headers: { authorization: `Bearer ${token}` } })).json()), new RegExp(token));
    } finally {
      await closed.stop();
    }
  });

  it('are not answered under a foreign name on loopback', async () => {
    const { port } = new URL(limpet.admin);
    const response = await ask(Number(port), get('/metrics', '', 'evil.example'));
    assert.equal(response.status, 403);
  });
});
