// The chat of examples/chat on Express and Socket.IO: same routes, same events, same page, same options.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import express from 'express';
import { Server } from 'socket.io';

const HELP = `express-chat: a Socket.IO chat server to run behind Limpet

Usage: node server.mjs [options]

  --port N             port to listen on, 0 for any free one (default: $PORT, else 3000)
  --host ADDRESS       IP address to listen on (default: 127.0.0.1)
  --name NAME          what users see as this server's name (default: the host name)
  --servers LIST       servers the page offers, separated by commas: URLs, or LABEL=URL;
                       or the path of Limpet's own list, as /api/servers
  --ping-interval MS   time between heartbeats (default: 25000)
  --ping-timeout MS    how long a client may take to answer one (default: 20000)
  --help               this text

Routes: / (page), /ws (Socket.IO), /hostname (JSON), /health.
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: process.env.PORT || '3000' },
      host: { type: 'string', default: '127.0.0.1' },
      name: { type: 'string', default: hostname() },
      servers: { type: 'string', default: '' },
      'ping-interval': { type: 'string', default: '25000' },
      'ping-timeout': { type: 'string', default: '20000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const number = (flag, smallest, largest) => {
    const value = Number(values[flag]);
    if (/^\d+$/.test(values[flag]) && value >= smallest && value <= largest) return value;
    throw new Error(`--${flag}: '${values[flag]}' is not a number from ${smallest} to ${largest}`);
  };
  return {
    help: values.help,
    host: values.host,
    name: values.name,
    servers: values.servers.split(',').filter(Boolean),
    port: number('port', 0, 65535),
    pingInterval: number('ping-interval', 1, 2 ** 31 - 1),
    pingTimeout: number('ping-timeout', 1, 2 ** 31 - 1),
  };
}

/** The page of examples/chat as one HTML document, its style and scripts inside. */
function assemblePage(servers) {
  const read = (file) => readFileSync(new URL(`../chat/page/${file}`, import.meta.url), 'utf8');
  const config = JSON.stringify({ servers }).replaceAll('<', '\\u003c');
  return read('index.html')
    .replace('{{style.css}}', () => read('style.css'))
    .replace('{{config}}', () => config)
    .replace('{{socket.js}}', () => read('socket.js'))
    .replace('{{chat.js}}', () => read('chat.js'));
}

/** The address the client, or the balancer before it, dialled. */
const localAddress = (connection) => connection.localAddress.replace(/^::ffff:/, '');
const bracketed = (address) => (address.includes(':') ? `[${address}]` : address);

// A crowd that arrives within this time costs one list for everybody, not one for each arrival.
const ANNOUNCEMENT_DELAY_MS = 20;
const MAX_ROOM_NAME = 100;
const MAX_ROOMS_OF_CLIENT = 32;

/** How long clients may take to hear that the server stops. */
const STOP_TIME_MS = 2_000;

// Rooms are Socket.IO's, with a prefix that keeps them apart from the room each socket's id makes.
const roomKey = (room) => `room:${room}`;

function addChat(io, name) {
  let announcement = null;
  const announceClients = () => {
    announcement ??= setTimeout(() => {
      announcement = null;
      io.emit('recieve-clients', [...io.sockets.sockets.keys()]);
    }, ANNOUNCEMENT_DELAY_MS);
  };

  // Read at the handshake: a polling client's connection may be gone when it joins.
  const addresses = new WeakMap();
  io.engine.on('connection', (session) => {
    const { socket } = session.request;
    const ip = localAddress(socket);
    addresses.set(session, { ip, url: `http://${bracketed(ip)}:${socket.localPort}` });
  });

  io.on('connection', (socket) => {
    announceClients();
    socket.on('disconnect', announceClients);
    socket.on('get-clients', announceClients);
    socket.on('send-msg', (id, message) => {
      if (message !== undefined) io.sockets.sockets.get(id)?.emit('revieve-msg', socket.id, message);
    });
    socket.on('join-room', (room) => {
      if (typeof room !== 'string' || room === '' || Buffer.byteLength(room) > MAX_ROOM_NAME) return;
      if (socket.rooms.size <= MAX_ROOMS_OF_CLIENT) socket.join(roomKey(room));
    });
    socket.on('leave-room', (room) => socket.leave(roomKey(room)));
    socket.on('room-msg', (room, message) => {
      if (message === undefined || !socket.rooms.has(roomKey(room))) return;
      io.to(roomKey(room)).emit('room-msg', room, socket.id, message);
    });
    socket.on('whoami', (acknowledge) => {
      if (typeof acknowledge !== 'function') return;
      acknowledge({ hostname: name, id: socket.id, ...addresses.get(socket.conn) });
    });
  });
}

async function run(options) {
  const app = express();
  const page = assemblePage(options.servers);
  app.disable('x-powered-by');
  app.get('/', (request, response) => response.set('cache-control', 'no-cache').type('html').send(page));
  app.get('/hostname', (request, response) => {
    response.set('cache-control', 'no-store');
    response.json({ ip: localAddress(request.socket), hostname: options.name });
  });
  app.get('/health', (request, response) => response.type('text/plain').send('ok'));

  const server = createServer(app);
  const io = new Server(server, {
    path: '/ws',
    addTrailingSlash: false,
    serveClient: false,
    cors: { origin: true, credentials: true },
    pingInterval: options.pingInterval,
    pingTimeout: options.pingTimeout,
  });
  addChat(io, options.name);

  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { address, port } = server.address();
  const host = ['0.0.0.0', '::'].includes(address) ? '127.0.0.1' : bracketed(address);
  console.log(`listening on http://${host}:${port}`);

  const stop = () => {
    io.close();
    setTimeout(() => process.exit(), STOP_TIME_MS).unref();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

try {
  const options = readOptions();
  if (options.help) process.stdout.write(HELP);
  else await run(options);
} catch (error) {
  console.error(`express-chat: ${error.message}`);
  process.exitCode = 2;
}
