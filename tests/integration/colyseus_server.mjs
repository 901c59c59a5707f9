// A Colyseus game server for tests, in a process of its own and with a matchmaker of its own: it knows nothing of others.
// Prints its port. Usage: node colyseus_server.mjs NAME
import { Room, Server } from '@colyseus/core';
import { WebSocketTransport } from '@colyseus/ws-transport';
import { createServer } from 'node:http';

const name = process.argv[2];

/** A room whose users are told which process it lives in, and how many they are. */
class Arena extends Room {
  maxClients = 4;
  autoDispose = true;

  onJoin() {
    this.broadcast('who', { name, room: this.roomId, users: this.clients.length });
  }
}

const http = createServer();
const server = new Server({ transport: new WebSocketTransport({ server: http }), greet: false, gracefullyShutdown: false });
server.define('arena', Arena).filterBy(['key']);
await server.listen(0, '127.0.0.1');
console.log(http.address().port);
