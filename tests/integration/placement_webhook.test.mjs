// A webhook decides which server a new key gets; one that is slow, wrong or down leaves it to the fallback policy.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { freePort, oneService, startLimpet, until } from './limpet_process.mjs';
import { startNamed, stopAll } from './named_server.mjs';

/** A webhook that keeps its questions; `answer(question, response)` is the test's. */
async function startWebhook(port) {
  const webhook = { questions: [], headers: null, answer: (_question, response) => response.end('{}') };
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const question = JSON.parse(Buffer.concat(parts).toString());
    webhook.headers = request.headers;
    webhook.path = request.url;
    webhook.questions.push(question);
    await webhook.answer(question, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  webhook.stop = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return webhook;
}

describe('a webhook that decides placements', { timeout: 60_000 }, () => {
  let servers;
  let webhook;
  let limpet;
  let port;
  before(async () => {
    servers = await Promise.all(['one', 'two', 'three'].map((name) => startNamed(name)));
    port = await freePort();
    webhook = await startWebhook(port);
    limpet = await startLimpet(oneService(servers.map(({ url }) => url), {
      capacity: 10,
      join: { enabled: true },
      placement: {
        policy: 'webhook',
        webhook: {
          url: `http://127.0.0.1:${port}/place`, timeout: '300ms', fallback: 'spread', headers: { authorization: 'Bearer x' },
        },
      },
    }));
  });
  after(() => stopAll(limpet, webhook, servers ?? []));

  const ask = async (wish) => {
    const response = await fetch(`${limpet.admin}/api/placements`, { method: 'POST', body: JSON.stringify(wish) });
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.json() };
  };
  const wish = (key, seats = 1) => ({ service: 'app', key, seats, ttl: 60 });
  const choose = (index) => (_question, response) => response.end(JSON.stringify({ server: servers[index].url }));
  const count = async (result) => {
    const text = await (await fetch(`${limpet.admin}/metrics`)).text();
    const found = new RegExp(`limpet_placement_webhook_total{service="app@file",result="${result}"} (\\d+)`).exec(text);
    return Number(found?.[1] ?? 0);
  };
  const clear = async () => {
    for (const { key } of await limpet.api('/api/placements')) {
      await limpet.api(`/api/placements/app/${encodeURIComponent(key)}`, { method: 'DELETE' });
    }
  };

  it('is told what there is and its word holds', async () => {
    webhook.answer = choose(2);
    const { status, body } = await ask(wish('room', 4));
    assert.equal(status, 200);
    assert.equal(body.server, servers[2].url);
    assert.equal(body.reserved, 4);
    assert.equal(webhook.path, '/place');
    assert.equal(webhook.headers.authorization, 'Bearer x');
    assert.deepEqual(webhook.questions[0], {
      service: 'app@file', key: 'room', seats: 4, movedFrom: null,
      servers: servers.map(({ url }) => ({ url, users: 0, reserved: 0, capacity: 10, load: 0 })),
    });
    const again = await ask(wish('room', 4));
    assert.equal(again.body.server, servers[2].url);
    assert.equal(webhook.questions.length, 1, 'a key with a server needs no decision');
    await clear();
  });

  it('is asked once about a key that many want at the same time', async () => {
    const before = webhook.questions.length;
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    webhook.answer = async (question, response) => { await held; choose(1)(question, response); };
    const joins = Array.from({ length: 5 }, () => fetch(`${limpet.url}/limpet/join?service=app&key=rush`));
    const places = Array.from({ length: 5 }, () => ask(wish('rush', 5)));
    await until('the question', () => webhook.questions.length > before);
    release();
    for (const { body } of await Promise.all(places)) assert.equal(body.server, servers[1].url);
    for (const response of await Promise.all(joins)) assert.equal(response.status, 200);
    assert.equal(webhook.questions.length, before + 1);
    const { seats } = await limpet.api('/api/placements/app/rush');
    assert.ok(seats >= 5 && seats <= 10, `${seats} seats`);
    await clear();
  });

  it('decides each key of a batch, which is placed whole or not at all', async () => {
    webhook.answer = (question, response) => choose(Number(question.key))(question, response);
    const { body } = await ask(['0', '1', '2'].map((key) => wish(key, 2)));
    assert.deepEqual(body.map(({ server }) => server), servers.map(({ url }) => url));
    webhook.answer = (question, response) => {
      if (question.key === 'no') response.end('{"server": null}');
      else choose(0)(question, response);
    };
    const refused = await ask([wish('yes'), wish('no')]);
    assert.equal(refused.status, 503);
    assert.match(refused.retryAfter, /^\d+$/);
    assert.match(refused.body.message, /the webhook of app@file has no place for key no/);
    assert.deepEqual((await limpet.api('/api/placements')).map(({ key }) => key), ['0', '1', '2']);
    await clear();
  });

  it('never oversells a server, whatever it says', async () => {
    webhook.answer = choose(0);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(wish(`many-${i}`, 3))));
    assert.equal(answers.filter(({ status }) => status === 200).length, 9);
    for (const { reserved } of await limpet.api('/api/servers')) assert.ok(reserved <= 10, `${reserved} reserved`);
    assert.ok(await count('full') > 0);
    await clear();
  });

  it('leaves it to the fallback when it is slow or says nothing of use', async () => {
    const quiet = new Set();
    const answers = [
      (_question, response) => { quiet.add(response); },
      (_question, response) => { response.statusCode = 500; response.end('no'); },
      (_question, response) => { response.end('not JSON'); },
      (_question, response) => { response.end('{"server": "http://10.9.8.7:1"}'); },
      (_question, response) => { response.socket.destroy(); },
      (_question, response) => { response.write('{"server": '); quiet.add(response); },
    ];
    const failed = await count('failed');
    const used = new Set();
    for (const [i, answer] of answers.entries()) {
      webhook.answer = answer;
      const { status, body } = await ask(wish(`hard-${i}`, 3));
      assert.equal(status, 200, `answer ${i}`);
      used.add(body.server);
    }
    assert.equal(used.size, 3, 'spread');
    assert.equal(await count('failed'), failed + answers.length);
    const warnings = limpet.log().split('\n').filter((line) => line.includes('the webhook did not decide'));
    assert.ok(warnings.length >= 1 && warnings.length <= 2, warnings.join('\n'));
    for (const response of quiet) response.destroy();
    await clear();
  });

  it('leaves it to the fallback while it is down, and decides again afterwards', async () => {
    await webhook.stop();
    assert.equal((await ask(wish('alone'))).status, 200);
    webhook = await startWebhook(port);
    webhook.answer = choose(2);
    assert.equal((await ask(wish('back'))).body.server, servers[2].url);
    await clear();
  });

  it('is asked again about keys whose server is gone, and may be changed meanwhile', async () => {
    webhook.answer = choose(0);
    await ask(wish('mover', 2));
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    webhook.answer = async (question, response) => { await held; choose(2)(question, response); };
    const settings = {
      capacity: 10, placement: { policy: 'webhook', webhook: { url: `http://127.0.0.1:${port}/other`, timeout: '9s' } },
    };
    await limpet.reconfigure(oneService([servers[1].url, servers[2].url], settings));
    const moving = ask(wish('mover', 2));
    await until('the question', () => webhook.questions.at(-1).movedFrom === servers[0].url);
    await limpet.reconfigure(oneService([servers[1].url], { capacity: 10 }));
    release();
    const { body } = await moving;
    assert.equal(body.moved, true);
    assert.equal(body.server, servers[1].url, 'what it named is gone meanwhile');
  });
});
