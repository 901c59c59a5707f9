// Tickets take their bearers to their server where cookies can't travel; nobody else gets in by one.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import WebSocket from 'ws';
import { oneService, startLimpet, until } from './limpet_process.mjs';
import { startNamed, stopAll } from './named_server.mjs';

const KEY = 'k1:a secret of some length';
const OLD_KEY = 'k0:an older secret that is still good';

describe('tickets', { timeout: 60_000 }, () => {
  let servers;
  let limpet;
  before(async () => {
    servers = await Promise.all(['one', 'two', 'three'].map((name) => startNamed(name)));
    const loadBalancer = { servers: servers.map(({ url }) => ({ url })), placement: { policy: 'spread' }, capacity: 50 };
    limpet = await startLimpet({
      http: {
        routers: {
          app: { rule: 'PathPrefix(`/`)', service: 'app' },
          closed: { rule: 'PathPrefix(`/closed`)', service: 'closed' },
          once: { rule: 'PathPrefix(`/once`)', service: 'once' },
        },
        services: {
          app: { loadBalancer },
          closed: { loadBalancer: { ...loadBalancer, tickets: { required: true, query: 'pass', header: 'X-Pass' } } },
          once: { loadBalancer: { ...loadBalancer, tickets: { singleUse: true } } },
        },
      },
    }, { flags: [`--placement.ticketKeys=${KEY},${OLD_KEY}`] });
  });
  after(() => stopAll(limpet, servers ?? []));

  const nameOf = (url) => servers.find((server) => server.url === url).name;
  const place = (service, key, more = {}) => limpet.api('/api/placements', {
    method: 'POST', body: JSON.stringify({ service, key, ttl: 60, ...more }),
  });
  const visit = async (path, headers = {}) => {
    const response = await fetch(limpet.url + path, { headers });
    const body = response.ok ? await response.json() : await response.text();
    return { status: response.status, reason: response.headers.get('limpet-reason'), name: body.name };
  };

  it('take their bearers to the reserved server, by query and header', async () => {
    for (let i = 0; i < 12; ++i) {
      const { ticket, server } = await place('app', `room-${i}`);
      assert.equal((await visit(`/?ticket=${ticket}`)).name, nameOf(server));
      assert.equal((await visit('/', { 'limpet-ticket': ticket })).name, nameOf(server));
      const socket = new WebSocket(`${limpet.url}/?a=b&ticket=${ticket}`);
      const [name] = await once(socket, 'message');
      assert.equal(String(name), nameOf(server));
      socket.close();
      await once(socket, 'close');
    }
  });

  it("leave an application's own parameter alone", async () => {
    assert.equal((await visit('/?ticket=TCK-1234')).status, 200);
  });

  it('are refused when forged, expired, or for another service', async () => {
    const { ticket } = await place('app', 'forged');
    assert.deepEqual(await visit(`/?ticket=${ticket.slice(0, -1)}${ticket.endsWith('0') ? '1' : '0'}`),
      { status: 403, reason: 'ticket-forged', name: undefined });
    assert.equal((await visit('/?ticket=lt1.')).reason, 'ticket-forged');
    const short = await place('app', 'short', { ttl: 0.001 });
    await until('the ticket to expire', () => Date.now() > Date.parse(short.expires));
    assert.equal((await visit(`/?ticket=${short.ticket}`)).reason, 'ticket-expired');
    const other = await place('once', 'other');
    assert.equal((await visit(`/?ticket=${other.ticket}`)).reason, 'ticket-for-another-service');
    const metrics = await (await fetch(`${limpet.admin}/metrics`)).text();
    assert.match(metrics, /limpet_tickets_total\{result="forged"\} 2/);
    assert.match(metrics, /limpet_tickets_total\{result="expired"\} 1/);
  });

  it('may be signed with an older key, or by anyone who has one', async () => {
    const { ticket } = await place('app', 'rotation');
    assert.ok(ticket.startsWith('lt1.k1.'));
    const signed = ticket.replace('lt1.k1.', 'lt1.k0.').slice(0, ticket.lastIndexOf('.'));
    const mac = createHmac('sha256', OLD_KEY.slice(3)).update(signed).digest('hex');
    assert.equal((await visit(`/?ticket=${signed}.${mac}`)).status, 200);
  });

  it('are the only way into a service that requires them', async () => {
    assert.deepEqual(await visit('/closed'), { status: 403, reason: 'ticket-missing', name: undefined });
    const { ticket, server } = await place('closed', 'room');
    assert.equal((await visit(`/closed?pass=${ticket}`)).name, nameOf(server));
    assert.equal((await visit('/closed', { 'x-pass': ticket })).name, nameOf(server));
    assert.equal((await visit(`/closed?ticket=${ticket}`)).reason, 'ticket-missing');
  });

  it('let one user in each where the service says so', async () => {
    const { tickets } = await place('once', 'party', { seats: 3 });
    assert.equal(new Set(tickets).size, 3);
    for (const ticket of tickets) {
      assert.equal((await visit(`/once?ticket=${ticket}`)).status, 200);
      assert.equal((await visit(`/once?ticket=${ticket}`)).reason, 'ticket-replayed');
    }
    const rush = await place('once', 'rush');
    const answers = await Promise.all(Array.from({ length: 20 }, () => visit(`/once?ticket=${rush.ticket}`)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  });
});

describe('single-use tickets of a limpet that is killed', { timeout: process.env.TICKET_KILLS ? 3_600_000 : 60_000 }, () => {
  const ROUNDS = Number(process.env.TICKET_KILLS ?? 15);
  const SEATS = 24;

  it(`let nobody in a second time, ${ROUNDS} times`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'limpet-tickets-'));
    const server = await startNamed('one');
    const start = () => startLimpet(oneService([server.url], { tickets: { singleUse: true, required: true } }), {
      flags: [`--placement.file=${folder}/placements.db`, `--placement.ticketKeys=${KEY}`],
    });
    const visit = async (limpet, ticket) => {
      const response = await fetch(`${limpet.url}/?ticket=${ticket}`);
      await response.text();
      return response.status === 200 ? 'in' : response.headers.get('limpet-reason');
    };
    let limpet = await start();
    let seenByServer = 0;
    try {
      for (let round = 0; round < ROUNDS; ++round) {
        const placed = await limpet.api('/api/placements', {
          method: 'POST', body: JSON.stringify({ service: 'app', key: `room-${round}`, seats: SEATS, ttl: 600 }),
        });
        const [kept, ...tickets] = placed.tickets;
        server.requests.length = 0;
        const visits = tickets.map((ticket) => visit(limpet, ticket).catch(() => 'cut off'));
        await new Promise((resolve) => { setTimeout(resolve, 2 + Math.random() * 40); });
        await limpet.stop('SIGKILL');
        const told = await Promise.all(visits);
        limpet = await start();
        const had = new Set(server.requests.map(({ url }) => new URL(url, 'http://a').searchParams.get('ticket')));
        seenByServer += had.size;
        for (const [i, ticket] of tickets.entries()) {
          const again = await visit(limpet, ticket);
          if (had.has(ticket) || told[i] === 'in') assert.equal(again, 'ticket-replayed', `round ${round}`);
          else assert.ok(again === 'in' || again === 'ticket-replayed', again);
          assert.equal(await visit(limpet, ticket), 'ticket-replayed');
        }
        assert.equal(await visit(limpet, kept), 'in', 'one that nobody used');
      }
      assert.ok(seenByServer > 0);
    } finally {
      await stopAll(limpet, server);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
