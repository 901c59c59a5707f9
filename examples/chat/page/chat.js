// The page: which server this is, how to get to another, and the chat.

const COOKIE = 'ws-session';
const LOBBY = 'lobby';
const MAX_MESSAGES = 300;
const LIST_EVERY_MS = 2000;
const SERVER_HUES = [240, 160, 350, 300, 55, 200, 25, 120];
const ADJECTIVES = ['Amber', 'Brave', 'Calm', 'Clever', 'Coral', 'Curious', 'Gentle', 'Golden', 'Happy', 'Jolly',
  'Keen', 'Lucky', 'Mellow', 'Merry', 'Misty', 'Nimble', 'Patient', 'Proud', 'Quiet', 'Salty', 'Silver', 'Sunny',
  'Swift', 'Witty'];
const ANIMALS = ['Anemone', 'Barnacle', 'Cockle', 'Conch', 'Cormorant', 'Crab', 'Dolphin', 'Eel', 'Gannet', 'Heron',
  'Kittiwake', 'Lobster', 'Mussel', 'Narwhal', 'Octopus', 'Otter', 'Oyster', 'Puffin', 'Seal', 'Shrimp', 'Starfish',
  'Tern', 'Urchin', 'Whelk'];

const element = (id) => document.getElementById(id);

/** FNV-1a, 64 bits, as 16 hexadecimal digits: the cookie value that names a server. */
function fnv1a(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}

/** A number from 0 to limit - 1 that depends on a text. */
const pick = (text, limit, shift = 0n) => Number((BigInt(`0x${fnv1a(text)}`) >> shift) % BigInt(limit));
const nickname = (id) => `${ADJECTIVES[pick(id, ADJECTIVES.length)]} ${ANIMALS[pick(id, ANIMALS.length, 32n)]}`;

function readCookie() {
  const pair = document.cookie.split('; ').find((text) => text.startsWith(`${COOKIE}=`));
  return pair?.slice(COOKIE.length + 1) ?? '';
}

/** What the page is told of servers: by its address (?servers=URL,URL), else by the server that sent it. */
function toldServers() {
  const inAddress = new URLSearchParams(location.search).get('servers');
  const entries = inAddress ? inAddress.split(',') : JSON.parse(element('config').textContent).servers;
  return entries.filter(Boolean);
}

function serverOf(entry) {
  const [, label, url] = /^(?:([^=:/]+)=)?(.*)$/.exec(entry);
  return { label: label ?? url.replace(/^\w+:\/\//, ''), url, cookie: fnv1a(url) };
}

const isPath = (entry) => entry.startsWith('/');
let servers = toldServers().filter((entry) => !isPath(entry)).map(serverOf);
const socket = new ChatSocket('/ws/');
const rooms = new Set([LOBBY]);
let clients = [];
let me = null;
let lastServer = null;
let wanted = null;
let countdown = null;

const indexOfServer = (url) => servers.findIndex((server) => server.url.replace(/\/$/, '') === url);

function hueOf(url, name) {
  const index = indexOfServer(url);
  return SERVER_HUES[index >= 0 ? index % SERVER_HUES.length : pick(name, SERVER_HUES.length)];
}

/** An element with a class, text or children, and attributes. */
function make(tag, className, content = [], attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...[content].flat());
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function avatar(id) {
  const initials = nickname(id).replace(/[^A-Z]/g, '');
  const node = make('span', 'avatar', initials, { 'aria-hidden': 'true' });
  node.style.setProperty('--person', pick(id, 360));
  return node;
}

// What is shown.

function showStatus(state, text) {
  element('status').dataset.state = state;
  element('status').textContent = text;
}

function showCookie() {
  element('cookie-value').textContent = readCookie() || 'none yet';
}

function showServers() {
  element('servers').replaceChildren(...servers.map((server, index) => {
    const here = me !== null && index === indexOfServer(me.url);
    const title = make('span', 'label', [make('span', '', here ? me.hostname : server.label)]);
    if (here) title.append(make('span', 'badge', 'you are here'));
    const button = make('button', 'server-pick',
      [title, make('span', 'mono', server.url), make('span', 'mono', `${COOKIE}=${server.cookie}`)],
      { type: 'button', 'aria-pressed': String(here), 'data-url': server.url });
    button.style.setProperty('--hue', SERVER_HUES[index % SERVER_HUES.length]);
    button.style.setProperty('--server', `oklch(0.53 0.16 ${SERVER_HUES[index % SERVER_HUES.length]})`);
    button.onclick = () => goTo(server.url);
    return button;
  }));
}

function showHue() {
  if (me !== null) document.documentElement.style.setProperty('--hue', hueOf(me.url, me.hostname));
}

function showClients() {
  element('client-count').textContent = clients.length === 1 ? '1 person' : `${clients.length} people`;
  element('clients').replaceChildren(...clients.map((id) => {
    const own = id === me?.id;
    const text = make('span', '', [make('span', 'name', own ? `${nickname(id)} (you)` : nickname(id)), make('span', 'id', id)]);
    const button = make('button', '', [avatar(id), text], { type: 'button', 'data-id': id });
    button.disabled = own;
    button.title = own ? '' : `Write to ${nickname(id)}`;
    button.onclick = () => {
      element('target').value = `client:${id}`;
      element('message-input').focus();
    };
    return make('li', '', button);
  }));
}

function showTargets() {
  const target = element('target');
  const chosen = target.value;
  const option = (value, text) => make('option', '', text, { value });
  const people = clients.filter((id) => id !== me?.id).map((id) => option(`client:${id}`, nickname(id)));
  target.replaceChildren(...[...rooms].map((room) => option(`room:${room}`, `# ${room}`)));
  if (people.length > 0) target.append(make('optgroup', '', people, { label: 'Privately' }));
  target.value = chosen;
  if (target.selectedIndex < 0) target.selectedIndex = 0;
}

function showRooms() {
  element('rooms').replaceChildren(...[...rooms].map((room) => {
    const item = make('li', '', `# ${room}`);
    if (room !== LOBBY) {
      const leave = make('button', '', '×', { type: 'button', 'aria-label': `Leave ${room}` });
      leave.onclick = () => {
        rooms.delete(room);
        socket.emit('leave-room', room);
        showRooms();
        showTargets();
      };
      item.append(leave);
    }
    return item;
  }));
}

function append(item) {
  const list = element('messages');
  list.append(item);
  while (list.children.length > MAX_MESSAGES) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

/** Follows the balancer's own list, where servers come and go. */
async function followServers(path) {
  try {
    const list = await (await fetch(path, { cache: 'no-store' })).json();
    const urls = list.filter(({ status }) => status !== 'down').map(({ url }) => url);
    if (urls.join() !== servers.map(({ url }) => url).join()) {
      servers = urls.map(serverOf);
      showServers();
      showHue();
    }
  } catch {
    // The balancer does not answer at the moment; what was known stays.
  }
  setTimeout(followServers, LIST_EVERY_MS, path);
}

const addEvent = (text) => append(make('li', 'event', text));

function addMessage(from, message, where, isPrivate = false) {
  const own = from === me?.id;
  const time = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const meta = make('div', 'meta', [make('b', '', own ? 'You' : nickname(from)),
    make('span', isPrivate ? 'private' : '', where), make('time', '', time)]);
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  append(make('li', own ? 'own' : '', [avatar(from), make('div', 'body', [meta, make('div', 'bubble', text)])]));
}

// What happens.

/** Sets the cookie that names a server, and connects anew. */
function goTo(url) {
  wanted = url;
  document.cookie = `${COOKIE}=${fnv1a(url)}; path=/`;
  showCookie();
  socket.reconnect();
}

function tellArrival() {
  const name = me.hostname;
  if (wanted !== null && wanted.replace(/\/$/, '') !== me.url) {
    addEvent(`Asked for ${wanted}, but this is ${name} at ${me.url}. Is the URL written as the balancer knows it?`);
  } else if (lastServer === null) {
    addEvent(`Welcome to ${name}`);
  } else if (lastServer === me.url) {
    addEvent(`Back on ${name}`);
  } else {
    addEvent(`You moved to ${name}`);
  }
  lastServer = me.url;
  wanted = null;
}

socket.on('connect', async () => {
  clearInterval(countdown);
  for (const room of rooms) socket.emit('join-room', room);
  socket.emit('get-clients');
  me = await socket.request('whoami');
  showHue();
  document.title = `${me.hostname} · Limpet chat`;
  element('server-name').textContent = me.hostname;
  element('server-url').textContent = me.url;
  element('own-name').textContent = nickname(me.id);
  showStatus('connected', 'connected');
  showCookie();
  showServers();
  showClients();
  showTargets();
  tellArrival();
});

socket.on('disconnect', () => showStatus('waiting', 'reconnecting'));

socket.on('waiting', (milliseconds) => {
  const end = performance.now() + milliseconds;
  const show = () => {
    const seconds = Math.ceil((end - performance.now()) / 1000);
    showStatus('waiting', seconds > 0 ? `reconnecting in ${seconds} s` : 'reconnecting');
  };
  clearInterval(countdown);
  countdown = setInterval(show, 500);
  show();
});

socket.on('recieve-clients', (ids) => {
  clients = ids;
  showClients();
  showTargets();
});
socket.on('room-msg', (room, from, message) => addMessage(from, message, `# ${room}`));
socket.on('revieve-msg', (from, message) => addMessage(from, message, 'privately', true));

element('send-form').onsubmit = (event) => {
  event.preventDefault();
  const text = element('message-input').value.trim();
  if (text === '' || me === null || !socket.connected) return;
  const [, kind, name] = /^(\w+):(.*)$/s.exec(element('target').value);
  if (kind === 'room') {
    socket.emit('room-msg', name, text);
  } else {
    socket.emit('send-msg', name, text);
    addMessage(me.id, text, `to ${nickname(name)}`, true);
  }
  element('message-input').value = '';
};

element('room-form').onsubmit = (event) => {
  event.preventDefault();
  const room = element('room-input').value.trim();
  if (room === '') return;
  rooms.add(room);
  socket.emit('join-room', room);
  showRooms();
  showTargets();
  element('target').value = `room:${room}`;
  element('room-input').value = '';
};

element('url-input').oninput = (event) => {
  const url = event.target.value.trim();
  element('url-hash').textContent = url === '' ? '' : fnv1a(url);
};

element('url-form').onsubmit = (event) => {
  event.preventDefault();
  const url = element('url-input').value.trim();
  if (url !== '') goTo(url);
};

element('forget-cookie').onclick = () => {
  document.cookie = `${COOKIE}=; path=/; max-age=0`;
  showCookie();
  socket.reconnect();
};

showCookie();
showServers();
showRooms();
showTargets();
toldServers().filter(isPath).forEach(followServers);
socket.reconnect();
