// A small Socket.IO client: Engine.IO 4 over WebSocket, the namespace "/", events with acknowledgements,
// reconnection with jitter. No polling, no binary: the page needs neither.

const ENGINE = { open: '0', close: '1', ping: '2', pong: '3', message: '4' };
const SOCKET = { connect: '0', disconnect: '1', event: '2', ack: '3', connectError: '4' };

class ChatSocket {
  #path;
  #handlers = new Map();
  #acknowledgements = new Map();
  #nextAck = 0;
  #webSocket = null;
  #attempt = 0;
  #retryTimer = null;
  #silenceTimer = null;
  #silenceLimit = 45_000;
  connected = false;

  constructor(path) {
    this.#path = path;
    addEventListener('online', () => this.#retryTimer && this.reconnect());
  }

  /** Calls `handler` for an event of the server, or for one of: connect, disconnect, waiting(milliseconds). */
  on(event, handler) {
    if (!this.#handlers.has(event)) this.#handlers.set(event, []);
    this.#handlers.get(event).push(handler);
  }

  emit(event, ...values) {
    if (this.connected) this.#send(SOCKET.event + JSON.stringify([event, ...values]));
  }

  /** Emits and resolves with the server's answer; never, if the connection is lost before. */
  request(event, ...values) {
    return new Promise((resolve) => {
      const id = this.#nextAck++;
      this.#acknowledgements.set(id, resolve);
      this.#send(SOCKET.event + id + JSON.stringify([event, ...values]));
    });
  }

  /** Connects now, leaving the present connection if there is one. */
  reconnect() {
    this.#leave();
    this.#attempt = 0;
    this.#open();
  }

  #open() {
    const url = new URL(this.#path, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.search = '?EIO=4&transport=websocket';
    const webSocket = new WebSocket(url);
    this.#webSocket = webSocket;
    this.#expectSignOfLife();
    webSocket.onmessage = ({ data }) => this.#onPacket(data);
    webSocket.onclose = (event) => {
      if (webSocket !== this.#webSocket) return;
      this.#leave();
      this.#wait(event);
    };
  }

  #leave() {
    const webSocket = this.#webSocket;
    this.#webSocket = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    this.#retryTimer = null;
    this.#acknowledgements.clear();
    webSocket?.close();
    if (this.connected) {
      this.connected = false;
      this.#tell('disconnect');
    }
  }

  /** Everybody who lost a server comes back at a moment of their own. A server can say when: {"retry_ms":n}. */
  #wait(closeEvent) {
    const ceiling = Math.min(30_000, 1_000 * 2 ** this.#attempt++);
    let delay = Math.random() * ceiling;
    try {
      delay = Number(JSON.parse(closeEvent.reason).retry_ms) || delay;
    } catch {
      // no such advice
    }
    this.#tell('waiting', delay);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#open();
    }, delay);
  }

  #expectSignOfLife() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      this.#leave();
      this.#wait({ reason: '' });
    }, this.#silenceLimit);
  }

  #onPacket(packet) {
    if (typeof packet !== 'string') return;
    this.#expectSignOfLife();
    const data = packet.slice(1);
    switch (packet[0]) {
      case ENGINE.open: {
        const { pingInterval, pingTimeout } = JSON.parse(data);
        this.#silenceLimit = pingInterval + pingTimeout;
        this.#expectSignOfLife();
        this.#send(SOCKET.connect);
        break;
      }
      case ENGINE.ping:
        this.#webSocket.send(ENGINE.pong);
        break;
      case ENGINE.message:
        this.#onMessage(data);
        break;
    }
  }

  #onMessage(message) {
    const [, type, id, payload] = /^(\d)(\d*)(.*)$/s.exec(message) ?? [];
    switch (type) {
      case SOCKET.connect:
        this.connected = true;
        this.#attempt = 0;
        this.#tell('connect', JSON.parse(payload).sid);
        break;
      case SOCKET.event:
        this.#tell(...JSON.parse(payload));
        break;
      case SOCKET.ack:
        this.#acknowledgements.get(Number(id))?.(...JSON.parse(payload));
        this.#acknowledgements.delete(Number(id));
        break;
      case SOCKET.disconnect:
      case SOCKET.connectError:
        this.#webSocket.close();
        break;
    }
  }

  #send(message) {
    if (this.#webSocket?.readyState === WebSocket.OPEN) this.#webSocket.send(ENGINE.message + message);
  }

  #tell(event, ...values) {
    for (const handler of this.#handlers.get(event) ?? []) handler(...values);
  }
}
