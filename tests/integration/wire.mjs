// HTTP/1.1 on the wire, for tests where every byte matters: a client that writes and reads raw bytes, and a server that
// reads requests by their framing, keeps them, and answers with whatever bytes a test wants.
import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';

const DEADLINE_MS = 10_000;

/** Takes messages off a socket's bytes as they come. Every wait has a deadline, and fails with what is there. */
export class ByteReader {
  #chunks = [];
  #size = 0;
  #ended = false;
  #error = null;
  #waiters = new Set();
  #socket;

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      this.#wake();
    });
    socket.on('end', () => { this.#ended = true; this.#wake(); });
    socket.on('close', () => { this.#ended = true; this.#wake(); });
    socket.on('error', (error) => { this.#error = error; this.#ended = true; this.#wake(); });
  }

  #wake() {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }

  /** Resolves when bytes, the end or a failure comes. */
  #change() {
    return new Promise((resolve) => { this.#waiters.add(resolve); });
  }

  get ended() { return this.#ended; }
  get error() { return this.#error; }
  get size() { return this.#size; }

  /** Stops reading, so that the peer feels backpressure. */
  pause() { this.#socket.pause(); }
  resume() { this.#socket.resume(); }

  #all() {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0];
  }

  #take(count) {
    const all = this.#all();
    this.#chunks = [all.subarray(count)];
    this.#size -= count;
    return all.subarray(0, count);
  }

  async #until(what, ready, deadline = DEADLINE_MS) {
    let timer;
    const expired = new Promise((resolve) => { timer = setTimeout(resolve, deadline, true); });
    try {
      while (!ready()) {
        if (this.#ended) {
          throw new Error(`${what}: the connection ended${this.#error ? ` (${this.#error.code})` : ''} after `
            + JSON.stringify(this.#all().toString('latin1').slice(0, 400)));
        }
        if (await Promise.race([this.#change(), expired])) {
          throw new Error(`${what}: not within ${deadline} ms; there is `
            + JSON.stringify(this.#all().toString('latin1').slice(0, 400)));
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for anything, however long; false at the end of the connection. */
  async more() {
    while (!this.#size && !this.#ended) await this.#change();
    return this.#size > 0;
  }

  /** Exactly `count` bytes. */
  async bytes(count, what = `${count} bytes`) {
    await this.#until(what, () => this.#size >= count);
    return this.#take(count);
  }

  /** The bytes up to and with `mark`. */
  async through(mark, what = JSON.stringify(mark)) {
    let at = -1;
    await this.#until(what, () => { at = this.#all().indexOf(mark); return at >= 0; });
    return this.#take(at + mark.length).toString('latin1');
  }

  /** All bytes up to the end of the connection, which must be in good order unless `resetToo`. */
  async rest({ resetToo = false, deadline = DEADLINE_MS } = {}) {
    await this.#until('the end', () => this.#ended, deadline);
    if (this.#error && !resetToo) throw new Error(`the connection was broken off: ${this.#error.code}`);
    return this.#take(this.#size).toString('latin1');
  }

  /** Whether anything, bytes or the end, is here or comes before `milliseconds` have passed. */
  async isQuietFor(milliseconds) {
    try {
      await this.#until('anything', () => this.#size > 0 || this.#ended, milliseconds);
      return false;
    } catch {
      return true;
    }
  }
}

function parseFields(lines) {
  const fields = new Map();
  for (const line of lines) {
    const [, name, value] = /^([^:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [null, line, ''];
    const key = name.toLowerCase();
    fields.set(key, [...(fields.get(key) ?? []), value]);
  }
  return fields;
}

/** The common part of requests and answers. */
class Message {
  constructor(head) {
    const lines = head.slice(0, -4).split('\r\n');
    this.head = head;
    this.startLine = lines.shift();
    this.fields = parseFields(lines);
    this.body = '';
    this.trailers = new Map();
  }

  /** The values of a field, joined as RFC 9110 allows; undefined if there is none. */
  get(name) {
    return this.fields.get(name.toLowerCase())?.join(', ');
  }

  async readBody(reader, { untilEnd }) {
    if (this.get('transfer-encoding') !== undefined) {
      this.chunks = [];
      for (;;) {
        const size = Number.parseInt(await reader.through('\r\n', 'a chunk size'), 16);
        if (size === 0) break;
        this.chunks.push((await reader.bytes(size, 'a chunk')).toString('latin1'));
        await reader.through('\r\n', 'the end of a chunk');
      }
      const lines = [];
      for (let line; (line = await reader.through('\r\n', 'trailers')) !== '\r\n';) lines.push(line.slice(0, -2));
      this.trailers = parseFields(lines);
      this.body = this.chunks.join('');
    } else if (this.get('content-length') !== undefined) {
      this.body = (await reader.bytes(Number(this.get('content-length')), 'the body')).toString('latin1');
    } else if (untilEnd) {
      this.body = await reader.rest();
    }
  }
}

export class Response extends Message {
  constructor(head) {
    super(head);
    const [, version, status, reason] = /^HTTP\/(\d\.\d) (\d{3}) ?(.*)$/.exec(this.startLine) ?? [];
    if (!status) throw new Error(`not a status line: ${JSON.stringify(this.startLine)}`);
    this.version = version;
    this.status = Number(status);
    this.reason = reason;
  }

  get hasBody() { return this.status >= 200 && this.status !== 204 && this.status !== 304; }
}

class Request extends Message {
  constructor(head) {
    super(head);
    [this.method, this.target, this.version] = this.startLine.split(' ');
  }
}

/** A client's connection. */
export class RawClient {
  static async connect(target) {
    const socket = connectSocket(typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target);
    socket.setNoDelay(true);
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    this.reader = new ByteReader(socket);
  }

  write(bytes) {
    this.socket.write(bytes, 'latin1');
    return this;
  }

  /** Half-close: nothing more to send, but still reading. */
  end() { this.socket.end(); }
  close() { this.socket.destroy(); }
  reset() { this.socket.resetAndDestroy(); }

  /** The next answer's head, interim (1xx) answers too. */
  async readHead() {
    return new Response(await this.reader.through('\r\n\r\n', 'a response head'));
  }

  /** The next final answer with its body; interim ones before it are in its `interim`. */
  async readResponse({ head = false } = {}) {
    const interim = [];
    for (;;) {
      const response = await this.readHead();
      if (response.status < 200 && response.status !== 101) {
        interim.push(response);
        continue;
      }
      response.interim = interim;
      if (response.hasBody && !head) await response.readBody(this.reader, { untilEnd: true });
      return response;
    }
  }

  /** Everything up to the end. */
  rest(options) { return this.reader.rest(options); }
}

/** Sends one request on a connection of its own and resolves with the answer. */
export async function ask(target, request, { head = false } = {}) {
  const client = await RawClient.connect(target);
  try {
    client.write(request);
    return await client.readResponse({ head });
  } finally {
    client.close();
  }
}

/** A GET as text. */
export const get = (path = '/', fields = '', host = 'test.example') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;

/** An answer as text, with Content-Length. */
export const answer = (body = '', { status = '200 OK', fields = '' } = {}) =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n${fields}\r\n${body}`;

/**
 * A server that reads whole requests and hands them to `onRequest(request, connection)`. What that returns, a string, is
 * written as it is; undefined writes nothing. A connection has `socket`, `reader`, `index` and `requests` (how many it
 * has had). With `onHead`, that is called before the body is read; what it returns is written at once, and `false` leaves
 * the body and the rest of the connection to it.
 */
export class RawServer {
  static async start(onRequest = () => answer('ok'), { onHead, onConnection, port = 0, host = '127.0.0.1' } = {}) {
    const server = new RawServer();
    server.requests = [];
    server.connections = [];
    server.errors = [];
    server.onRequest = onRequest;
    server.onHead = onHead;
    server.onConnection = onConnection;
    server.net = createServer({ allowHalfOpen: true }, (socket) => server.#serve(socket));
    server.net.listen(port, host);
    await once(server.net, 'listening');
    server.port = server.net.address().port;
    server.url = `http://127.0.0.1:${server.port}`;
    return server;
  }

  get open() { return this.connections.filter(({ socket }) => !socket.destroyed).length; }

  /** The requests whose target starts with `path`. */
  to(path) { return this.requests.filter(({ target }) => target.startsWith(path)); }

  async #serve(socket) {
    socket.setNoDelay(true);
    const connection = { socket, reader: new ByteReader(socket), index: this.connections.length, requests: 0 };
    connection.write = (bytes) => socket.write(bytes, 'latin1');
    connection.closed = once(socket, 'close').catch(() => {});
    this.connections.push(connection);
    try {
      if (this.onConnection && this.onConnection(connection) === false) return;
      while (await connection.reader.more()) {
        const request = new Request(await connection.reader.through('\r\n\r\n', 'a request head'));
        request.connection = connection.index;
        this.requests.push(request);
        ++connection.requests;
        const early = this.onHead?.(request, connection);
        if (early === false) return;
        if (early) connection.write(early);
        await request.readBody(connection.reader, { untilEnd: false });
        const reply = await this.onRequest(request, connection);
        if (reply !== undefined) connection.write(reply);
      }
      socket.end();
    } catch (error) {
      this.errors.push(error);
      socket.destroy();
    }
  }

  async stop() {
    for (const { socket } of this.connections) socket.destroy();
    this.net.close();
    await once(this.net, 'close');
  }
}
