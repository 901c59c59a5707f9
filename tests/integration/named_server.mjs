// A server for tests that says who it is: every answer is JSON with its name and the request as it came, every WebSocket
// is told the name first and its messages are sent back. It counts what it has, which Limpet can't influence.
import { once } from 'node:events';
import { createServer } from 'node:http';
import WebSocket, { WebSocketServer } from 'ws';
import { until } from './limpet_process.mjs';
import { ask, get } from './wire.mjs';

const OPEN_DEADLINE_MS = 15_000;

/**
 * Starts a server of 127.0.0.1.
 * @param {string} name what it says it is called
 * @param {{port?: number, onRequest?: (request, response) => boolean}} options a port, to come back at the same place;
 *   `onRequest` returns true if it has answered, or will
 */
export async function startNamed(name, { port = 0, onRequest } = {}) {
  const server = { name, onRequest, requests: [], tunnels: new Set(), mostTunnels: 0, inFlight: 0, mostInFlight: 0 };
  const http = createServer((request, response) => {
    server.requests.push(request);
    server.mostInFlight = Math.max(server.mostInFlight, ++server.inFlight);
    response.once('close', () => { --server.inFlight; });
    if (server.onRequest?.(request, response)) return;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name, method: request.method, url: request.url, headers: request.headers }));
  });
  const webSockets = new WebSocketServer({ server: http });
  webSockets.on('connection', (socket) => {
    server.tunnels.add(socket);
    server.mostTunnels = Math.max(server.mostTunnels, server.tunnels.size);
    socket.on('close', () => server.tunnels.delete(socket));
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.send(name);
  });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  server.port = http.address().port;
  server.url = `http://127.0.0.1:${server.port}`;
  /** Nobody can connect any more, and what is open is closed. */
  server.stop = async () => {
    for (const socket of server.tunnels) socket.terminate();
    webSockets.close();
    const closed = once(http, 'close');
    http.close();
    http.closeAllConnections();
    await closed;
  };
  return server;
}

/** Stops everything given, also if some of it was never started. */
export async function stopAll(...all) {
  await Promise.all(all.flat().map((each) => each?.stop()));
}

/** GETs a path; `server` is the name of who answered, `cookie` the sticky cookie's new value, if any. */
export async function visit(target, path = '/', fields = {}) {
  const text = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const response = await ask(target, get(path, text));
  if (response.status === 200 && response.get('content-type') === 'application/json') {
    response.echo = JSON.parse(response.body);
    response.server = response.echo.name;
  }
  response.cookie = /=([^;]+)/.exec(response.get('set-cookie') ?? '')?.[1];
  return response;
}

/**
 * Opens a WebSocket and waits for its first message, the server's name.
 * @returns {Promise<{socket?: WebSocket, server?: string, status: number, fields: object}>} status 101, or that of the
 *   answer which refused it
 */
export async function openTunnel(url, headers = {}) {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => { socket.terminate(); reject(new Error(`${url}: no WebSocket`)); }, OPEN_DEADLINE_MS);
    let fields = {};
    socket.once('upgrade', (response) => { fields = response.headers; });
    socket.once('message', (data) => {
      clearTimeout(late);
      resolve({ socket, server: data.toString(), status: 101, fields });
    });
    socket.once('unexpected-response', (request, response) => {
      clearTimeout(late);
      request.destroy();
      resolve({ status: response.statusCode, fields: response.headers });
    });
    socket.on('error', (error) => { clearTimeout(late); reject(error); });
  });
}

/** Waits until the servers hold no seat, as Limpet sees it. */
export const untilFree = (limpet) => until('all seats to be free',
  async () => (await limpet.api('/api/servers')).every(({ connections }) => connections === 0));
