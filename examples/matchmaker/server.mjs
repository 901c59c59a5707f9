// Rooms over WebSocket, and the page. A room lives in one process: who reaches another one with the same name is in another
// room, so users must be taken to the right process. Usage: node server.mjs PORT [NAME]
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const [port = '3000', name = port] = process.argv.slice(2);
const page = readFileSync(new URL('index.html', import.meta.url));
/** Users of each room. */
const rooms = new Map();

const http = createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page);
});

function tell(room, message) {
  for (const user of rooms.get(room) ?? []) user.send(JSON.stringify(message));
}

new WebSocketServer({ server: http, maxPayload: 1024 }).on('connection', (user, request) => {
  const room = decodeURIComponent(new URL(request.url, 'http://here').pathname.replace(/^\/rooms\//, ''));
  const users = rooms.get(room) ?? new Set();
  rooms.set(room, users.add(user));
  const changed = () => tell(room, { server: name, users: users.size });
  user.on('message', (data) => tell(room, { text: String(data) }));
  user.on('error', () => {});
  user.on('close', () => {
    users.delete(user);
    if (users.size === 0) rooms.delete(room);
    changed();
  });
  changed();
});

http.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}`));
